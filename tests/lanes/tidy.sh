# clang-tidy over the rooms of the product, a check a file. Source lib.sh first.

# tidy_files NAME [OPTION…]   What passed once with the same bytes, headers, rules and tool passes again.
tidy_files() {
  local name=$1 files file result
  shift
  need "configures" configure clang -DWAYBILL_BENCH=OFF -DWAYBILL_UNITY=OFF
  cd "$root" || exit 1
  stamps=build/$name
  mkdir -p "$stamps"
  common=$(cat .clang-tidy $(sources h) <(clang-tidy --version) build/clang/compile_commands.json <(echo "$*") | sha256sum)
  results=$(mktemp -d)
  at_end rm -rf "$results"
  export stamps common results
  export -f tidy_one
  mapfile -t files < <(sources cc | grep -E '^(agent|base|catalog|uploader|watcher)/')
  printf '%s\0' "${files[@]}" | xargs -0 -P "$(nproc)" -I{} bash -c 'tidy_one "$@"' _ {} "$@"
  for file in "${files[@]}"; do
    result=$results/${file//\//:}
    check "$file" [ -e "$result.good" ] || cat "$result"
  done
}

tidy_one() {  # FILE [OPTION…]
  local file=$1 stamp result
  shift
  result=$results/${file//\//:}
  stamp=$stamps/$( (echo "$common" && cat "$file") | sha256sum | cut -c1-32)
  if [ -e "$stamp" ]; then
    touch "$result.good"
  elif clang-tidy -p build/clang --quiet "$@" "$file" >"$result" 2>&1; then
    touch "$stamp" "$result.good"
  fi
}

# What the lanes share: source it first. A lane's result is its counts; they are written down when it ends.
set -uo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export root
passed=0 failed=0
trap 'finish $?' EXIT
cleanups=()

ok() { passed=$((passed + 1)); echo "ok: $*"; }
fail() { failed=$((failed + 1)); echo "FAILED: $*"; return 1; }

# check SENTENCE COMMAND…   one check: the command succeeds.
check() {
  local sentence=$1
  shift
  if "$@"; then ok "$sentence"; else fail "$sentence"; fi
}

# not_played CHECKS SENTENCE   so many checks this machine has no means for: counted and shown, never silent.
not_played() {
  local checks=$1
  shift
  echo "NOT PLAYED ($checks): $*"
}

# need SENTENCE COMMAND…   as check, but without it the rest of the lane makes no sense.
need() { check "$@" || exit 1; }

# at_end COMMAND…   runs when the lane ends, however it ends; the last registered first.
at_end() { cleanups=("$(printf '%q ' "$@")" "${cleanups[@]}"); }

finish() {
  local status=$1 command
  for command in "${cleanups[@]}"; do eval "$command"; done
  [ "$status" -eq 0 ] || [ $failed -gt 0 ] || fail "the lane ended early with status $status"
  echo "$passed $failed" >"${LANE_TALLY:-/dev/null}"
  [ -n "${LANE_TALLY-}" ] || echo "$passed passed, $failed failed"
  [ $failed -eq 0 ] || exit 1
}

# until_true SECONDS COMMAND…   polls a condition; no lane sleeps for a fixed time.
until_true() {
  local deadline=$((SECONDS + $1))
  shift
  until "$@"; do
    [ $SECONDS -lt $deadline ] || return 1
    sleep 0.1
  done
}

# configure PRESET [OPTION…]   build/PRESET, through the compiler cache where there is one; else several files at a
# time, and of what is for a debugger what a trace of calls needs: from nothing that is faster by far.
configure() {
  local preset=$1
  local how=(-DWAYBILL_UNITY=ON -DCMAKE_CXX_FLAGS_DEBUG=-g1 "-DCMAKE_CXX_FLAGS_RELWITHDEBINFO=-O2 -g1 -DNDEBUG")
  shift
  if command -v ccache >/dev/null && [ -z "${CCACHE_DISABLE-}" ]; then
    how=(-DWAYBILL_UNITY=OFF -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  (cd "$root" && cmake --preset "$preset" "${how[@]}" "$@")
}

build() {  # PRESET [TARGET…]
  local preset=$1
  shift
  cmake --build "$root/build/$preset" ${1:+--target "$@"}
}

# run_ctest PRESET [OPTION…]   counts each test as a check. Half of what the tests of daemons do is to wait: twice
# as many at a time as there are processors.
run_ctest() {
  local preset=$1 log counts
  shift
  log=$(mktemp)
  at_end rm -f "$log"
  (cd "$root/build/$preset" && ctest --output-on-failure --no-tests=error -j "$(($(nproc) * 2))" "$@") | tee "$log"
  local status=${PIPESTATUS[0]}
  # "98% tests passed, 2 tests failed out of 120"
  counts=$(sed -nE 's/^[0-9]+% tests passed, ([0-9]+) tests? failed out of ([0-9]+)$/\1 \2/p' "$log" | tail -n 1)
  if [ -z "$counts" ]; then
    fail "ctest in build/$preset ran no test"
    return
  fi
  local bad=${counts% *} total=${counts#* }
  passed=$((passed + total - bad)) failed=$((failed + bad))
  [ "$bad" -gt 0 ] || [ "$status" -eq 0 ] || fail "ctest in build/$preset ended with status $status"
}

# sources EXTENSION…   the tree's own files, edited or not.
sources() {
  local names=() extension
  for extension in "$@"; do names+=(-o -name "*.$extension"); done
  (cd "$root" && find agent base bench catalog tests uploader watcher -type f \( "${names[@]:1}" \) | sort)
}

# A process under the test's control, as probe.js is one: in a crash test hundreds of them are started, and Node takes
# 50 ms of a core each time.
terms=0
got() {
  terms=$((terms + 1))
  echo "got SIG$1 number $terms"
  case "$1 $traits" in
  *" stubborn "*) ;;
  TERM*" slow "*) sleep 0.7; exit 0 ;;
  TERM*) exit 0 ;;
  esac
}
traits=" $* "
for signal in TERM INT HUP QUIT; do
  trap "got $signal" $signal
done
# For those who wait with a shell's means: signals are handled from here on.
case "$traits" in *" mark "*) : >"up-$PS" ;; esac
echo "ready $* pid $$"
while :; do
  sleep 60 &
  wait $!
done

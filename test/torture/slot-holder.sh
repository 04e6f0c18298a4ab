# A process of the history test: holds the lock of its slot as long as anything of it lives, and keeps a
# journal of its own. In sh, since thousands of them are started; $1 is the edit of the Procfile that named it.
#
# The lock is flock's, on a descriptor: the kernel gives it back when the last process that has it is gone,
# however that went. The token decides how it ends: with which code, deaf to SIGTERM, with a child that
# leaves the process group and holds the lock too, or with a deaf one.
slot=$PS token=$TW_RUN_INSTANCE edit=$1
journal=$TW_HISTORY/journal/$slot-$token
code=$((0x${token#??????????????} % 120))
case $token in
0*) kind=deaf ;;
[12]*) kind=child ;;
3*) kind=deaf-child ;;
*) kind=plain ;;
esac

note() {
  read -r now _ </proc/uptime
  echo "$1 $now $2" >>"$journal"
}

finish() {
  note end "$code"
  exit "$code"
}

if [ "$kind" = deaf ]; then trap '' TERM; else trap finish TERM; fi
exec 9>>"$TW_HISTORY/locks/$slot"
# Its log is a file in the directory of its run.
log=$(readlink "/proc/$$/fd/1")
note start "$$ $PPID $edit $kind $code $log"

# Who has the lock and is not dying: the kernel takes the environment of a process before its descriptors.
holders() {
  for folder in /proc/[0-9]*; do
    [ "$(readlink "$folder/fd/9")" = "$TW_HISTORY/locks/$slot" ] || continue
    other=$(tr '\0' '\n' <"$folder/environ" | sed -n 's/^TW_RUN_INSTANCE=//p')
    [ -z "$other" ] || [ "$other" = "$token" ] || echo "${folder#/proc/}=$other($(tr '\0' ' ' <"$folder/cmdline"))"
  done 2>/dev/null
}

violation() {
  note violation "$1"
  echo "two of $slot: $token found it $1" >>"$TW_HISTORY/violations"
}

if ! flock -n -x 9; then
  found=$(holders)
  if [ -n "$found" ]; then
    violation "held by $(echo $found)"
  elif flock -w 2 -x 9; then
    note late "what held it was dying"
  else
    violation "held by nobody that could be seen"
  fi
fi
note locked

case $kind in
child) setsid sleep 1000 & ;;
deaf-child) (trap '' TERM && exec setsid sleep 1000) & ;;
esac
while :; do
  sleep 1000 9>&- &
  wait $!
done

# Ends what is noted in the folder $1, and the Postgres of the pid file $2, once its standard input ends: when its parent
# closes it or dies, however that happens. With no input at all it does so at once.
#
# Only what was noted at that moment, and only if it still is the process it was: a pid may be another's by now, and the
# next parent notes processes of its own in the same place.
cat >/dev/null
started() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
gone() { [ "$(started "$1")" != "$2" ] || grep -q '^State:.*Z' "/proc/$1/status" 2>/dev/null; }

noted=''
for file in "$1"/*.pid; do
    [ -f "$file" ] || continue
    { read -r pid && read -r start; } <"$file" || continue
    [ "$pid" = "$$" ] && continue
    gone "$pid" "$start" || noted="$noted $pid:$start"
done
for one in $noted; do kill -TERM "${one%:*}" 2>/dev/null; kill -CONT "${one%:*}" 2>/dev/null; done
for _ in $(seq 100); do
    left=''
    for one in $noted; do gone "${one%:*}" "${one#*:}" || left="$left $one"; done
    [ -z "$left" ] && break
    sleep 0.1
done
for one in $left; do kill -KILL "${one%:*}" 2>/dev/null; done
if [ -f "$2" ]; then kill -INT "$(head -n 1 "$2")" 2>/dev/null; fi
exit 0

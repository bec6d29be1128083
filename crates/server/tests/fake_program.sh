#!/bin/sh
# Stands in for the program in tests of the supervisor: what it does is the threat it is asked about.
for argument in "$@"; do
    case "$argument" in --threat=*) what="${argument#--threat=}" ;; esac
done
echo "$*" >result/arguments.txt
echo '{"stage":"one","done":1,"of":2}' >>progress.jsonl
case "$what" in
quick*)
    echo '{"answer":42}'
    echo '<p>page</p>' >result/index.html
    ;;
slow*)
    sleep 300 &
    echo $! >grandchild
    wait
    ;;
leaves*)
    sleep 300 >/dev/null 2>&1 &
    echo $! >grandchild
    ;;
once*)
    # Is slow the first time, and quick the second.
    if [ -e seen ]; then exit 0; fi
    touch seen
    sleep 300
    ;;
steps*)
    i=0
    while [ $i -lt 20 ]; do
        i=$((i + 1))
        echo "{\"stage\":\"two\",\"done\":$i,\"of\":20}" >>progress.jsonl
        sleep 0.1
    done
    ;;
fails*)
    echo "error: no threat \`$what\`" >&2
    exit 2
    ;;
big*)
    dd if=/dev/zero of=result/big.bin bs=1048576 count=4 2>/dev/null
    sleep 300
    ;;
*) exit 1 ;;
esac

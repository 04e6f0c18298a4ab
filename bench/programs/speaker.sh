# Prints a line again and again: sh speaker.sh <first line> <seconds from one to the next>
echo "$1"
while :; do
  sleep "$2"
  echo 'a line of some words that nobody waits for'
done

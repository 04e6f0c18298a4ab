# Prints a line ten times a second: sh speaker.sh
echo bench-up
while :; do
  sleep 0.1
  echo 'a line of some words that nobody waits for'
done

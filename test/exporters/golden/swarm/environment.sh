mode 600
# Made by tw-run export swarm for shop; edit the Procfile and export again.
export PYTHONUNBUFFERED='1'
export GREETING='hello world'
export SECRET='s3cr'\''et "$PATH" 100% \ #;'
export KEY='-----BEGIN-----
abc
-----END-----
'
export NAME='Zoë 😀'
export EMPTY=''

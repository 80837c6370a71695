#!/bin/sh
# Makes the secrets that docker-compose.yml reads, each once: what exists is left alone.
#
#     deploy/make-secrets.sh [FOLDER]        FOLDER is deploy/secrets unless given
#
# Compose mounts each file with the owner and mode it has here, and the containers run as several users. So the
# files are readable by all, and the folder they stand in may be entered by its owner only.
set -eu
umask 077

folder=${1:-$(dirname "$0")/secrets}
mkdir -p "$folder"
chmod 700 "$folder"

keep() { # NAME VALUE
    if [ -e "$folder/$1" ]; then
        return
    fi
    printf '%s' "$2" >"$folder/$1.part"
    chmod 444 "$folder/$1.part"
    mv "$folder/$1.part" "$folder/$1"
    echo "made $1"
}

password() { # 192 random bits in hexadecimal: nothing in it means anything in a URL
    od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n'
}

for role in postgres temporal remit_owner remit_app remit_sequencer; do
    keep "${role}_password" "$(password)"
done

url() { # ROLE
    printf 'postgresql://%s:%s@postgres:5432/remit' "$1" "$(cat "$folder/$1_password")"
}

keep remit_database_url "$(url remit_app)"
keep remit_ledger_database_url "$(url remit_sequencer)"
keep remit_owner_database_url "$(url remit_owner)"
# The systems that http.request may call, as JSON: {"crm": {"url": "https://...", "token": "..."}}
keep remit_systems '{}'

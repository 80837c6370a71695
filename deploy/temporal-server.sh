#!/bin/sh
# Starts the Temporal server. It takes its configuration from the environment, and has no setting that names a
# file with the password; so the password is put into the environment here, where only this process has it.
set -eu

POSTGRES_PWD=$(cat /run/secrets/temporal_password)
# A server that listens on every interface of its container has to be told which address the others reach it at.
TEMPORAL_BROADCAST_ADDRESS=$(getent hosts "$(hostname)" | awk '{ print $1; exit }')
export POSTGRES_PWD TEMPORAL_BROADCAST_ADDRESS

exec temporal-server start

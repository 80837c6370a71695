#!/bin/sh
# Makes the namespace and registers what operators filter by. Running it again changes nothing.
#
# The command line of Temporal takes its address and namespace from TEMPORAL_ADDRESS and TEMPORAL_NAMESPACE.
set -eu

if ! temporal operator namespace describe --namespace "$TEMPORAL_NAMESPACE" >/dev/null 2>&1; then
    temporal operator namespace create --namespace "$TEMPORAL_NAMESPACE" --retention 30d
fi

# The server takes up to ten seconds to see a namespace that was made just now.
left=30
until known=$(temporal operator search-attribute list); do
    left=$((left - 1))
    [ "$left" -gt 0 ] || exit 1
    sleep 1
done
for name in RemitAgent RemitUseCase RemitActionType RemitOwner RemitTier RemitRoute RemitState; do
    case $known in
        *"$name "*) ;;
        *) temporal operator search-attribute create --name "$name" --type Keyword ;;
    esac
done

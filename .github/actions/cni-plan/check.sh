#!/usr/bin/env bash
# Checks the change set of each spec: unedited, made of the spec as it is, not applied; and, unless ONLINE is
# `false`, still what AWS and the clusters would be planned from.
#
# Takes SPECS, paths separated by white space. Ends with the first code of `cni-plan check` that is not 0.
set -euo pipefail

read -r -a specs <<<"$(tr '\n' ' ' <<<"$SPECS")"
[[ ${#specs[@]} -gt 0 ]] || { echo "SPECS names no spec" >&2; exit 1; }
online=(--online)
[[ ${ONLINE:-true} != false ]] || online=()
ended=0
for spec in "${specs[@]}"; do
    code=0
    cni-plan check --spec "$spec" "${online[@]}" "plans/$(basename "${spec%.*}").plan.json" || code=$?
    [[ $ended -ne 0 ]] || ended=$code
done
exit "$ended"

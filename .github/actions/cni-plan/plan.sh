#!/usr/bin/env bash
# Plans each spec and writes what a reviewer reads as one comment.
#
# Takes SPECS, paths separated by white space, and COMMENT, the file to write. Says in $GITHUB_OUTPUT
# whether the change sets are other than those that were committed (`differs`). Ends with the first code of
# `cni-plan plan` that is not 0.
set -euo pipefail

# What GitHub takes in a comment, less the marker and what is said around the pages; and the least that a page needs.
room=$((65536 - 4096))
least=8192

read -r -a specs <<<"$(tr '\n' ' ' <<<"$SPECS")"
[[ ${#specs[@]} -gt 0 ]] || { echo "SPECS names no spec" >&2; exit 1; }
share=$((room / ${#specs[@]}))
[[ $share -ge $least ]] || share=$least

ended=0
: >"$COMMENT"
for spec in "${specs[@]}"; do
    name=$(basename "${spec%.*}")
    code=0
    output=$(cni-plan plan "$spec" 2>&1) || code=$?
    printf '%s\n' "$output"
    if [[ $(($(wc -c <"$COMMENT") + share)) -gt $room ]]; then
        printf -- '- `%s` (exit code %s): see the log of the job\n' "$name" "$code" >>"$COMMENT"
    elif [[ $code -eq 0 ]]; then
        cni-plan show --markdown --limit "$share" "plans/$name.plan.json" >>"$COMMENT"
    else
        # An indented block has no fence that its content could close.
        { printf '## %s\n\nNo change set was made (exit code %s):\n\n' "$name" "$code"
          sed 's/^/    /' <<<"${output:0:share/2}"; } >>"$COMMENT"
    fi
    [[ $ended -ne 0 ]] || ended=$code
    printf '\n' >>"$COMMENT"
done

differs=false
if [[ -n $(git status --porcelain -- plans) ]]; then
    differs=true
    printf 'These change sets are not the committed ones: run `cni-plan plan` and commit `plans/`.\n' >>"$COMMENT"
fi
printf 'differs=%s\n' "$differs" >>"${GITHUB_OUTPUT:-/dev/null}"
exit "$ended"

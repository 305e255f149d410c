#!/usr/bin/env bash
# Applies the change sets that a pull request brought, each only if it is, byte for byte, what was reviewed.
#
# Takes REVIEWED, the commit at the head of the pull request, and BASE, a commit of the branch it was merged into.
# Stops at the first that does not end well, with its exit code. One that is applied already is told of and passed over, so
# that a job that is run again comes to what was left. Needs jq.
set -euo pipefail

: "${REVIEWED:?is the commit that was reviewed}" "${BASE:?is a commit of the branch that it was merged into}"

# After a squash the reviewed commit is not in the history of what is checked out.
for commit in "$REVIEWED" "$BASE"; do
    git cat-file -e "$commit^{commit}" 2>/dev/null || git fetch --quiet origin "$commit"
done

events=$(mktemp)
trap 'rm -f "$events"' EXIT

# What the pull request changed, whatever others have merged meanwhile. A name can hold anything but a zero byte.
git diff --relative --name-only -z --diff-filter=AMR "$BASE...$REVIEWED" -- 'plans/*.plan.json' |
    {
        found=0
        while IFS= read -r -d '' change_set; do
            digest=$(git show "$REVIEWED:./$change_set" | jq --exit-status --raw-output .digest)
            printf '%s as reviewed in %s: %s\n' "$change_set" "$REVIEWED" "$digest"
            code=0
            cni-plan apply "$change_set" --digest "$digest" --auto-approve --no-input --json-into "$events" </dev/null || code=$?
            if [[ $code -eq 3 ]] && jq --exit-status --slurp 'any(.[]; .type == "applied_already")' "$events" >/dev/null; then
                printf '%s was applied already: nothing of it is left to do.\n' "$change_set"
            elif [[ $code -ne 0 ]]; then
                exit "$code"
            fi
            found=$((found + 1))
        done
        [[ $found -gt 0 ]] || printf 'The pull request changed no change set under plans/: nothing is applied.\n'
    }

#!/usr/bin/env bash
# Writes the one comment on a pull request, or writes it anew where it is there.
#
# Takes COMMENT, a file; PULL_REQUEST, its number; TOKEN and AUTHOR, who writes; and what GitHub sets:
# GITHUB_API_URL, GITHUB_REPOSITORY. Needs curl and jq.
set -euo pipefail

marker='<!-- cni-plan -->'
comments=$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues
body=$(mktemp)
trap 'rm -f "$body"' EXIT
jq --null-input --arg marker "$marker" --rawfile text "$COMMENT" '{body: ($marker + "\n" + $text)}' >"$body"

# The token goes by a pipe: the arguments of a process are everyone's to read.
ask() {
    printf 'header = "authorization: Bearer %s"\n' "$TOKEN" |
        curl --silent --show-error --fail-with-body --max-time 60 --retry 3 --config - \
            --header 'accept: application/vnd.github+json' "$@"
}

# Anyone can write the marker: only a comment of our own is written over.
ours='[.[] | select(.user.login == $author and (.body | startswith($marker)))][0].id // empty'
page=1
id=
while :; do
    found=$(ask "$comments/$PULL_REQUEST/comments?per_page=100&page=$page")
    id=$(jq --raw-output --arg author "$AUTHOR" --arg marker "$marker" "$ours" <<<"$found")
    [[ -z $id && $(jq length <<<"$found") -eq 100 ]] || break
    page=$((page + 1))
done

if [[ -n $id ]]; then
    ask --request PATCH --data-binary @"$body" "$comments/comments/$id" >/dev/null
else
    ask --request POST --data-binary @"$body" "$comments/$PULL_REQUEST/comments" >/dev/null
fi

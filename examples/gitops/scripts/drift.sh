#!/bin/sh
# Checks whether RyzeAPI matches the configuration, and whether the store still works with it. Exits
# with 0 if both do, 2 if RyzeAPI does not match, 3 if RyzeAPI matches but the plan warns about the
# store, 1 on any error. Leaves the plan in drift.txt, which contains no secret.
set -eu
for variable in TF_VAR_secret_key RYZEAPI_TOKEN; do
  [ -n "$(printenv "$variable")" ] || { echo "$variable is not set" >&2; exit 1; }
done
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
status=0
"$terraform" plan -input=false -no-color -lock=false -detailed-exitcode >drift.txt || status=$?
cat drift.txt
# A warning changes no exit code of the CLI, so look for those of the preflight check.
if [ "$status" -eq 0 ] &&
  grep -Eq '^Warning: (The S3 store rejects|Could (not|only partly) check the S3 storage)' drift.txt; then
  status=3
fi
exit "$status"

#!/bin/sh
# Plans, and saves the plan: in tfplan for apply.sh, in plan.txt for people. Neither contains a
# secret. Warnings are in what the plan itself prints; "terraform show tfplan" has none.
set -eu
for variable in TF_VAR_secret_key RYZEAPI_TOKEN; do
  [ -n "$(printenv "$variable")" ] || { echo "$variable is not set" >&2; exit 1; }
done
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
status=0
"$terraform" plan -input=false -no-color -out=tfplan >plan.txt || status=$?
cat plan.txt
exit "$status"

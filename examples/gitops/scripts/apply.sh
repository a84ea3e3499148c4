#!/bin/sh
# Applies the plan that plan.sh saved. The plan file does not contain the secret, so set the same one
# again.
set -eu
for variable in TF_VAR_secret_key RYZEAPI_TOKEN; do
  [ -n "$(printenv "$variable")" ] || { echo "$variable is not set" >&2; exit 1; }
done
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
"$terraform" apply -input=false -no-color tfplan

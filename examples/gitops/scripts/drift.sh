#!/bin/sh
# Checks whether RyzeAPI matches the configuration. Exits with 0 if it does, 2 if it does not, 1 on
# any error.
set -eu
for variable in TF_VAR_secret_key RYZEAPI_TOKEN; do
  [ -n "$(printenv "$variable")" ] || { echo "$variable is not set" >&2; exit 1; }
done
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
"$terraform" plan -input=false -no-color -lock=false -detailed-exitcode

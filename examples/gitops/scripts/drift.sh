#!/bin/sh
# Looks whether what RyzeAPI has is what is configured. Ends with 0 if it is, with 2 if not, and with 1 if that could not be found out.
set -eu
for variable in TF_VAR_secret_key RYZEAPI_TOKEN; do
  [ -n "$(printenv "$variable")" ] || { echo "$variable is not set" >&2; exit 1; }
done
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
"$terraform" plan -input=false -no-color -lock=false -detailed-exitcode

#!/bin/sh
# Looks whether what RyzeAPI has is what is configured. Ends with 0 if it is, with 2 if not, and with 1 if that could not be found out.
set -eu
: "${TF_VAR_secret_key:?is not set}" "${RYZEAPI_TOKEN:?is not set}"
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
"$terraform" plan -input=false -no-color -lock=false -detailed-exitcode

#!/bin/sh
# Plans, shows the plan, and leaves it in tfplan, and for people in plan.txt. Neither has a secret in it.
set -eu
: "${TF_VAR_secret_key:?is not set}" "${RYZEAPI_TOKEN:?is not set}"
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
"$terraform" plan -input=false -no-color -out=tfplan
"$terraform" show -no-color tfplan >plan.txt

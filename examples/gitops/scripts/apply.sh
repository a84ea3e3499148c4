#!/bin/sh
# Applies the plan that plan.sh has left. The secret must be given again, the same one: the plan does not have it.
set -eu
: "${TF_VAR_secret_key:?is not set}" "${RYZEAPI_TOKEN:?is not set}"
terraform=${TERRAFORM:-terraform}

"$terraform" init -input=false -no-color
"$terraform" apply -input=false -no-color tfplan

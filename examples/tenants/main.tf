terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

# The token comes from the environment variable RYZEAPI_TOKEN. It must be a TokenAccount.
provider "ryzeapi" {}

# The secrets of each tenant. Ephemeral values cannot be the keys of for_each, so the tenants stand in
# a map of their own.
variable "secrets" {
  type = map(object({
    webhook = string
    storage = string
  }))
  ephemeral = true
  sensitive = true
}

locals {
  tenants = {
    acme    = { bucket = "acme-media" }
    globex  = { bucket = "globex-media" }
    initech = { bucket = "initech-media", calls = true }
  }
}

module "tenant" {
  source   = "../modules/instance"
  for_each = local.tenants

  name     = "tenant-${each.key}"
  settings = { auto_reject_calls = !lookup(each.value, "calls", false) }

  webhooks               = { default = { url = "https://hooks.example.com/${each.key}" } }
  webhook_authorizations = { default = var.secrets[each.key].webhook }

  storage            = { region = "us-east-1", bucket = each.value.bucket, access_key = "AKIAIOSFODNN7EXAMPLE" }
  storage_secret_key = var.secrets[each.key].storage
}

output "ids" {
  value = { for name, tenant in module.tenant : name => tenant.id }
}

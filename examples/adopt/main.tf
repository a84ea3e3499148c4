terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

provider "ryzeapi" {}

data "ryzeapi_instances" "all" {}

data "ryzeapi_instance_s3" "all" {
  for_each = data.ryzeapi_instances.all.names
  instance = each.key
}

# An import block for each instance whose storage is enabled.
output "imports" {
  value = join("\n", [
    for name, storage in data.ryzeapi_instance_s3.all : <<-EOT
      import {
        to = ryzeapi_instance_s3.instance_${replace(name, "/[^A-Za-z0-9_-]/", "_")}
        id = ${jsonencode(name)}
      }
    EOT
    if storage.enabled
  ])
}

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

variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
}

data "ryzeapi_instances" "all" {}

# Delete this block after the apply.
import {
  for_each = data.ryzeapi_instances.all.names

  to = ryzeapi_instance_s3.all[each.key]
  id = each.key
}

resource "ryzeapi_instance_s3" "all" {
  for_each = data.ryzeapi_instances.all.names

  instance    = each.key
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/${each.key}/"
}

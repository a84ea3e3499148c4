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

locals {
  instances = toset(["shop-1", "shop-2", "support"])
}

# One bucket for all instances, each with its own prefix.
resource "ryzeapi_instance_s3" "all" {
  for_each = local.instances

  instance    = each.key
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/${each.key}/"
}

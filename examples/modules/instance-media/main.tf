terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

variable "instances" {
  description = "Instances whose media are stored. Each can have its own bucket and prefix."
  type = map(object({
    bucket      = optional(string)
    path_prefix = optional(string)
  }))
}

variable "bucket" {
  description = "Bucket for the instances that do not set their own. It must exist."
  type        = string
}

variable "storage" {
  description = "Where the buckets are (an AWS region, or the endpoint of another store), and the access key."
  type = object({
    region     = optional(string)
    endpoint   = optional(string)
    access_key = string
  })
}

variable "secret_key" {
  description = "Secret of the access key."
  type        = string
  ephemeral   = true
  sensitive   = true
}

resource "ryzeapi_instance_s3" "this" {
  for_each = var.instances

  instance    = each.key
  region      = var.storage.region
  endpoint    = var.storage.endpoint
  bucket      = coalesce(each.value.bucket, var.bucket)
  access_key  = var.storage.access_key
  secret_key  = var.secret_key
  path_prefix = each.value.path_prefix != null ? each.value.path_prefix : "media/${each.key}/"
}

output "locations" {
  description = "Where each instance stores its media."
  value       = { for name, s3 in ryzeapi_instance_s3.this : name => "s3://${s3.bucket}/${s3.path_prefix}" }
}

output "secret_key_versions" {
  description = "Version of the secret that each instance uses."
  value       = { for name, s3 in ryzeapi_instance_s3.this : name => s3.secret_key_version }
}

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

data "ryzeapi_instances" "all" {}

locals {
  names = data.ryzeapi_instances.all.names

  # Where an instance differs from the others.
  buckets = {}
}

import {
  for_each = local.names
  to       = ryzeapi_instance.all[each.key]
  id       = each.key
}

resource "ryzeapi_instance" "all" {
  for_each = local.names
  name     = each.key
}

import {
  for_each = local.names
  to       = ryzeapi_instance_settings.all[each.key]
  id       = each.key
}

resource "ryzeapi_instance_settings" "all" {
  for_each              = local.names
  instance              = ryzeapi_instance.all[each.key].name
  ignore_group_messages = true
}

import {
  for_each = local.names
  to       = ryzeapi_instance_webhook.all[each.key]
  id       = each.key
}

resource "ryzeapi_instance_webhook" "all" {
  for_each = local.names
  instance = ryzeapi_instance.all[each.key].name
  url      = "https://hooks.example.com/${each.key}"
}

import {
  for_each = local.names
  to       = ryzeapi_instance_s3.all[each.key]
  id       = each.key
}

resource "ryzeapi_instance_s3" "all" {
  for_each    = local.names
  instance    = ryzeapi_instance.all[each.key].name
  region      = "us-east-1"
  bucket      = lookup(local.buckets, each.key, "ryzeapi-media")
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/${each.key}/"
}

variable "secret_key" {
  type      = string
  default   = null # not needed while nothing of the storage changes
  ephemeral = true
  sensitive = true
}

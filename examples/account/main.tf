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

variable "webhook_authorization" {
  type      = string
  ephemeral = true
  sensitive = true
}

# RyzeAPI does not reveal these two. Without them, the storage and the proxies are imported as they are.
variable "secret_key" {
  type      = string
  ephemeral = true
  sensitive = true
  default   = null
}

variable "proxy_password" {
  type      = string
  ephemeral = true
  sensitive = true
  default   = null
}

data "ryzeapi_instances" "all" {}

locals {
  # All instances. Each has settings and, in this account, a webhook.
  instances = data.ryzeapi_instances.all.names

  # The instances that have a second webhook, for calls.
  calls = toset([for name in local.instances : name if startswith(name, "shop-")])

  # The instances that have storage: all but one.
  storage = setsubtract(local.instances, ["support"])

  # What only a few have, with what differs between them.
  websockets = {
    shop-1  = ["message.exchange", "message.status"]
    support = ["instance.state"]
  }
  proxies = {
    shop-1 = { protocol = "socks5", port = 1080, username = "shop-1" }
    shop-2 = { protocol = "http", port = 3128, username = null }
  }
}

resource "ryzeapi_instance" "all" {
  for_each = local.instances

  name = each.key
}

resource "ryzeapi_instance_settings" "all" {
  for_each = local.instances

  instance          = ryzeapi_instance.all[each.key].name
  auto_reject_calls = true
  ignore_status     = true
}

resource "ryzeapi_instance_webhook" "all" {
  for_each = local.instances

  instance      = ryzeapi_instance.all[each.key].name
  url           = "https://hooks.example.com/${each.key}"
  authorization = var.webhook_authorization
}

resource "ryzeapi_instance_webhook" "calls" {
  for_each = local.calls

  instance = ryzeapi_instance.all[each.key].name
  label    = "calls"
  url      = "https://hooks.example.com/calls"
  events   = ["call.update"]
}

resource "ryzeapi_instance_websocket" "some" {
  for_each = local.websockets

  instance = ryzeapi_instance.all[each.key].name
  events   = each.value
}

resource "ryzeapi_instance_proxy" "some" {
  for_each = local.proxies

  instance = ryzeapi_instance.all[each.key].name
  host     = "proxy.example.com"
  protocol = each.value.protocol
  port     = each.value.port
  username = each.value.username
  password = var.proxy_password
}

resource "ryzeapi_instance_s3" "most" {
  for_each = local.storage

  instance    = ryzeapi_instance.all[each.key].name
  region      = "us-east-1"
  bucket      = "ryzeapi-media"
  access_key  = "AKIAIOSFODNN7EXAMPLE"
  secret_key  = var.secret_key
  path_prefix = "media/${each.key}/"
}

# Delete the import blocks after the apply.
import {
  for_each = local.instances

  to = ryzeapi_instance.all[each.key]
  id = each.key
}

import {
  for_each = local.instances

  to = ryzeapi_instance_settings.all[each.key]
  id = each.key
}

import {
  for_each = local.instances

  to = ryzeapi_instance_webhook.all[each.key]
  id = each.key
}

import {
  for_each = local.calls

  to = ryzeapi_instance_webhook.calls[each.key]
  id = "${each.key}/calls"
}

import {
  for_each = local.websockets

  to = ryzeapi_instance_websocket.some[each.key]
  id = each.key
}

import {
  for_each = local.proxies

  to = ryzeapi_instance_proxy.some[each.key]
  id = each.key
}

import {
  for_each = local.storage

  to = ryzeapi_instance_s3.most[each.key]
  id = each.key
}

# One instance with all that it needs. What you leave out, the module does not manage.
terraform {
  required_version = ">= 1.11"
  required_providers {
    ryzeapi = {
      source  = "ryzeapi/ryzeapi"
      version = "~> 0.1"
    }
  }
}

variable "name" {
  description = "Name of the instance, unique in the account."
  type        = string
}

variable "deletion_protection" {
  description = "Whether a plan that would delete the instance is an error."
  type        = bool
  default     = true
}

variable "settings" {
  description = "Settings of the instance."
  type = object({
    auto_reject_calls     = optional(bool)
    call_reject_message   = optional(string)
    ignore_group_messages = optional(bool)
    keep_online_status    = optional(bool)
    auto_read_messages    = optional(bool)
    disable_history_sync  = optional(bool)
    ignore_status         = optional(bool)
  })
  default = null
}

variable "webhooks" {
  description = "Webhooks by label; at most three of them enabled."
  type = map(object({
    url          = optional(string)
    enabled      = optional(bool)
    events       = optional(set(string))
    by_events    = optional(bool)
    media_base64 = optional(bool)
  }))
  default = {}
}

variable "webhook_authorizations" {
  description = "Values of the Authorization header of the webhooks, by label."
  type        = map(string)
  default     = {}
  ephemeral   = true
  sensitive   = true
}

variable "websocket" {
  description = "What the WebSocket gets."
  type = object({
    events       = optional(set(string))
    media_base64 = optional(bool)
  })
  default = null
}

variable "proxy" {
  description = "Proxy that the instance connects through."
  type = object({
    protocol  = string
    host      = string
    port      = number
    username  = optional(string)
    reconnect = optional(bool)
  })
  default = null
}

variable "proxy_password" {
  description = "Password of the proxy."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

variable "storage" {
  description = "Bucket for the media. Without path_prefix, they go to media/NAME/."
  type = object({
    region      = optional(string)
    endpoint    = optional(string)
    bucket      = string
    access_key  = string
    path_prefix = optional(string)
  })
  default = null
}

variable "storage_secret_key" {
  description = "Secret of the storage's access key."
  type        = string
  default     = null
  ephemeral   = true
  sensitive   = true
}

resource "ryzeapi_instance" "this" {
  name                = var.name
  deletion_protection = var.deletion_protection
}

resource "ryzeapi_instance_settings" "this" {
  count = var.settings == null ? 0 : 1

  instance              = ryzeapi_instance.this.name
  auto_reject_calls     = var.settings.auto_reject_calls
  call_reject_message   = var.settings.call_reject_message
  ignore_group_messages = var.settings.ignore_group_messages
  keep_online_status    = var.settings.keep_online_status
  auto_read_messages    = var.settings.auto_read_messages
  disable_history_sync  = var.settings.disable_history_sync
  ignore_status         = var.settings.ignore_status
}

resource "ryzeapi_instance_webhook" "this" {
  for_each = var.webhooks

  instance      = ryzeapi_instance.this.name
  label         = each.key
  url           = each.value.url
  enabled       = each.value.enabled
  authorization = lookup(var.webhook_authorizations, each.key, null)
  events        = each.value.events
  by_events     = each.value.by_events
  media_base64  = each.value.media_base64
}

resource "ryzeapi_instance_websocket" "this" {
  count = var.websocket == null ? 0 : 1

  instance     = ryzeapi_instance.this.name
  events       = var.websocket.events
  media_base64 = var.websocket.media_base64
}

resource "ryzeapi_instance_proxy" "this" {
  count = var.proxy == null ? 0 : 1

  instance  = ryzeapi_instance.this.name
  protocol  = var.proxy.protocol
  host      = var.proxy.host
  port      = var.proxy.port
  username  = var.proxy.username
  password  = var.proxy_password
  reconnect = var.proxy.reconnect
}

resource "ryzeapi_instance_s3" "this" {
  count = var.storage == null ? 0 : 1

  instance    = ryzeapi_instance.this.name
  region      = var.storage.region
  endpoint    = var.storage.endpoint
  bucket      = var.storage.bucket
  access_key  = var.storage.access_key
  secret_key  = var.storage_secret_key
  path_prefix = var.storage.path_prefix != null ? var.storage.path_prefix : "media/${var.name}/"
}

output "name" {
  description = "Name of the instance, known before it is created."
  value       = ryzeapi_instance.this.name
}

output "id" {
  description = "ID that RyzeAPI has given the instance."
  value       = ryzeapi_instance.this.id
}

# Ephemeral values, like write-only arguments, are never written to state or plan files.
variable "proxy_password" {
  type      = string
  ephemeral = true
  sensitive = true
}

resource "ryzeapi_instance_proxy" "shop" {
  instance  = "shop-1"
  protocol  = "socks5"
  host      = "proxy.example.com"
  port      = 1080
  username  = "shop"
  password  = var.proxy_password
  reconnect = true
}

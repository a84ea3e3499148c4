data "ryzeapi_instance" "shop" {
  name = "shop-1"
}

output "is_connected" {
  value = data.ryzeapi_instance.shop.connection_state == "connected"
}

resource "ryzeapi_instance_websocket" "shop" {
  instance = "shop-1"
  events   = ["message.exchange", "message.status"]
}

import {
  to = ryzeapi_instance_websocket.shop
  id = "shop-1"
}

import {
  to = ryzeapi_instance_websocket.shop
  identity = {
    instance = "shop-1"
  }
}

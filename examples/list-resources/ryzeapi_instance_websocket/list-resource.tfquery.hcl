list "ryzeapi_instance_websocket" "all" {
  provider = ryzeapi
  limit    = 1000
}

"""The commented example of the INI file, for `smshub publish example`."""

from typing import Final

EXAMPLE: Final = """\
; The file of OTP-Publisher, as smshub's publisher reads it. Lines that begin with ; are comments; the keys behind them
; have the values that count where they are left out. A password may be written env:NAME (an environment variable) or
; file:PATH (the first line of a file); paths begin beside this file.

[GENERAL]
; One of REST, REDIS, AMQP, MQTT or WS; only its section below counts.
method = REST

; Codes are made and checked here and not by the server. They are kept in cache_dir, a folder that is only yours.
manage_otp = false
;cache_dir = otp-codes
; The secret under which they are kept, 32 characters or more; without it there is one in the folder.
;cache_key = env:OTP_CACHE_KEY
; Seconds for which an expired code is still told to have expired.
;cache_max_age = 300
; Most seconds that a code lives, and most checks that it stands.
;max_lifetime = 600
;max_tries = 5

; Over a broker: how the topics begin on which answers are awaited. The hub answers there where its door has
; callback_topics = ["replies-*"]. Without it a broker's confirmation is all there is.
;callback_topic = replies-
; Seconds for connecting, for a broker's confirmation, and for an answer.
;timeout = 10

; Whether texts say when they are worth nothing any more. An OTP-Pi that drops expired messages drops all that say it.
;send_expiration = true
; What a mail is asked for with: send-email, or send-mail as an OTP-Pi behind a broker wants it.
;email_command = send-email

; Each section may also have its own timeout, and a broker's its own callback_topic.

[REST]
url = http://127.0.0.1:8080/api/otp
username = shop
password = env:SMSHUB_PASSWORD
; Authorities (PEM) that may have signed the certificate of an https URL, in place of the system's.
;ca = hub.crt

[REDIS]
host = 127.0.0.1
port = 6379
;username =
;password =
topic = sms
; pubsub (lost while nobody listens), list or stream; the hub's door must have the same.
;mode = pubsub
;database = 0
; Milliseconds before an answer; without it that of [AMQP].
;callback_delay = 10
;tls = false
;ca = broker-ca.crt

[AMQP]
host = 127.0.0.1
port = 5672
username = guest
password = guest
topic = sms
;vhost = /
;callback_delay = 10
;tls = false
;ca = broker-ca.crt

[MQTT]
host = 127.0.0.1
port = 1883
;username =
;password =
topic = sms
; How the name of the session begins.
;client_id = publisher
; 5, with 3.1.1 where the broker knows no better; or 3 for 3.1.1 alone, which cannot tell that nobody subscribes.
;version = 5
;callback_delay = 10
;tls = false
;ca = broker-ca.crt

[WS]
host = 127.0.0.1
port = 9000
username = phone
password = env:WS_PASSWORD
topic = sms
path = /ws/
;callback_delay = 10
;tls = false
;ca = broker-ca.crt
"""

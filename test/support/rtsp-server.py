"""An RTSP camera for tests: a moving test card as H.264 on rtsp://127.0.0.1:PORT/card. Prints "ready".

Arguments: the port, and a user and a password if it shall ask for them. In the environment: RTSP_BASIC asks for the
password by Basic and not by Digest, RTSP_TLS names a PEM file of key and certificate, for rtsps."""
import os
import sys

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

Gst.init(None)
server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(sys.argv[1])
factory = GstRtspServer.RTSPMediaFactory()
factory.set_launch("( videotestsrc is-live=true pattern=ball ! video/x-raw,width=320,height=240,framerate=15/1 ! x264enc tune=zerolatency key-int-max=15 ! rtph264pay name=pay0 pt=96 )")
factory.set_shared(True)
tls = os.environ.get("RTSP_TLS")
auth = GstRtspServer.RTSPAuth()
if tls:
    auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(tls))
    server.set_auth(auth)
if len(sys.argv) > 3:
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    if os.environ.get("RTSP_BASIC"):
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.BASIC)
        auth.add_basic(GstRtspServer.RTSPAuth.make_basic(sys.argv[2], sys.argv[3]), token)
    else:
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        auth.add_digest(sys.argv[2], sys.argv[3], token)
    server.set_auth(auth)
    factory.add_role_from_structure(Gst.Structure.new_from_string("viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"))
elif tls:
    # Whoever asks may see it; TLS alone needs an RTSPAuth.
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.set_default_token(token)
    factory.add_role_from_structure(Gst.Structure.new_from_string("viewer, media.factory.access=(boolean)true, media.factory.construct=(boolean)true"))
server.get_mount_points().add_factory("/card", factory)
server.attach(None)
print("ready", flush=True)
GLib.MainLoop().run()

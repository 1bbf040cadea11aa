"""Two other implementations at the other end of a real connection."""

import asyncio
import socket

import smpp34
import smpplib.client
import smpplib.consts

from smshub.domain.delivery import Accepted, Deferred, Reason, ReceiptState
from smshub.protocols.smpp.codec import encode
from smshub.protocols.smpp.pdus import Command, Pdu

RECEIPT = b"id:7A sub:001 dlvrd:001 submit date:2603011157 done date:2603011158 stat:DELIVRD err:000 text:"


async def test_our_connector_and_smpp34s_server(engine, smsc, message):
    """We bind there, texts are accepted and refused, a receipt comes and is answered, and we unbind."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = smpp34.Server("127.0.0.1", port, system_id="peer")
    await server.start()
    try:
        hub = await engine(port=port)
        esme = await asyncio.wait_for(server.next(), 5)
        assert ("hub", True) == (esme.system_id, esme.can_receive)

        hub.submit(message(id="a", text="Grüße"))
        text = await asyncio.wait_for(server.next(), 5)
        assert (b"Gr\x7e\x1ee", "491701234567", "ACME", 5) == (
            text.short_message,
            text.destination_addr,
            text.source_addr,
            text.source_addr_ton,
        )
        text.accept("7A")
        assert Accepted(("7A",)) == await hub.outcome()

        hub.submit(message(id="b"))
        (await asyncio.wait_for(server.next(), 5)).reject(0x58)
        assert Deferred(Reason.THROTTLED, "ESME_RTHROTTLED") == await hub.outcome()

        answer = asyncio.ensure_future(esme.deliver_sm("ACME", RECEIPT, source_addr="491701234567", esm_class=4))
        receipt, stored = await asyncio.wait_for(hub.receipts.get(), 5)
        assert ("7A", ReceiptState.DELIVERED) == (receipt.ref, receipt.state)
        assert not answer.done()
        stored()
        await asyncio.wait_for(answer, 5)

        await hub.stop()
        assert isinstance(await asyncio.wait_for(server.next(), 5), smpp34.Unbound)
    finally:
        await server.stop()


async def test_smpplibs_client_and_our_session(smsc):
    """It binds to our SMSC side, sends a text and reads the id, answers a deliver_sm, and unbinds."""
    ids, received = [], []

    def live():
        client = smpplib.client.Client("127.0.0.1", smsc.port, allow_unknown_opt_params=True, timeout=5)
        client.set_message_sent_handler(lambda pdu: ids.append(pdu.message_id))
        client.set_message_received_handler(lambda pdu: received.append(pdu.short_message))
        client.connect()
        client.bind_transceiver(system_id="hub", password="secret")
        client.send_message(source_addr="ACME", destination_addr="491701234567", short_message=b"Hello")
        client.read_once()
        client.read_once()
        client.unbind()
        client.disconnect()

    peer = asyncio.create_task(asyncio.to_thread(live))
    pdu = await smsc.next()
    assert (b"Hello", "491701234567") == (pdu.message, pdu.text("destination_addr"))
    smsc.answer(pdu, message_id="7A")
    smsc.deliver(short_message=b"Hi", source_addr="491701234567")
    answer = await smsc.response()
    await asyncio.wait_for(peer, 5)

    assert ([b"7A"], [b"Hi"]) == (ids, received)
    assert encode(Pdu(Command.DELIVER_SM_RESP, {"message_id": ""}, 0, 1)) == encode(answer)

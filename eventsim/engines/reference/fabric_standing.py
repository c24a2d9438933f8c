"""The packets of a reference sample's fabric as part of a state that both engines know, and the way back.

Relies on the fabric of the reference engine. Used by `standing`.
"""

from typing import Any

from eventsim.engines.fabric_records import STATION_COUNTERS
from eventsim.engines.fabric_standing import FLYING, NO_PORT, SERVED, WAITING, taken_places
from eventsim.engines.reference.fabric import END, LANDING, FabricState, Flight, Packet
from eventsim.faults.acting import NUMBERS


def freeze_fabric(fabric: FabricState) -> dict[str, list[Any]]:
    """Columns of a state, by name."""
    zero, found = fabric.zero, []
    for k, state in enumerate(fabric.stations):
        if state.packet is not None:
            found.append((state.packet, SERVED, 0, state.packet.started, state.ends))
        found += [(flight.packet, FLYING, flight.child, zero, flight.t) for flight in state.flights]
        for port in range(fabric.plan.first_port[k], fabric.plan.first_port[k + 1]):
            found += [(packet, WAITING, 0, zero, zero) for packet in fabric.ports[port]]
    packets = [packet for packet, *_ in found]
    return {
        "fabric": list(fabric.counters),
        "stations": [value for state in fabric.stations for value in state.counters],
        "arbiters": [value for state in fabric.stations for value in state.arbiter],
        "station_child": [state.child if state.packet is not None else 0 for state in fabric.stations],
        "station_blocked": [state.blocked_at for state in fabric.stations],
        "station_since": [zero if state.blocked_at == NO_PORT else state.blocked_since for state in fabric.stations],
        "parcel_place": [place for _, place, *_ in found],
        "parcel_hop": [packet.hop for packet in packets],
        "parcel_child": [child for _, _, child, *_ in found],
        "parcel_neuron": [packet.neuron for packet in packets],
        "parcel_number": [packet.number % NUMBERS for packet in packets],
        "parcel_emitted": [packet.emitted for packet in packets],
        "parcel_sent": [zero if packet.sent is None else packet.sent for packet in packets],
        "parcel_entered": [zero if packet.entered is None else packet.entered for packet in packets],
        "parcel_started": [started for *_, started, _ in found],
        "parcel_t": [t for *_, t in found],
    }


def thaw_fabric(fabric: FabricState, state: Any) -> None:
    """Let a new fabric stand where the state says; the state fits it (`check_state`)."""
    fabric.counters = state.fabric.tolist()
    counters, arbiters = iter(state.stations.tolist()), iter(state.arbiters.tolist())
    for k, one in enumerate(fabric.stations):
        one.counters = [next(counters) for _ in STATION_COUNTERS]
        one.arbiter = [next(arbiters) for _ in one.arbiter]
        one.child, one.blocked_at = int(state.station_child[k]), int(state.station_blocked[k])
        one.blocked_since = state.station_since[k]
    columns = (
        state.parcel_place, state.parcel_hop, state.parcel_child, state.parcel_neuron, state.parcel_number,
        state.parcel_emitted, state.parcel_sent, state.parcel_entered, state.parcel_started, state.parcel_t,
    )  # fmt: skip
    for place, hop, child, neuron, number, emitted, sent, entered, started, t in zip(
        *(column.tolist() for column in columns), strict=True
    ):
        packet = Packet(hop, neuron, number, emitted, sent, entered, started)
        station = fabric.plan.hops[hop].station
        one = fabric.stations[station]
        if place == SERVED:
            one.packet, one.ends = packet, t
            if one.blocked_at == NO_PORT:
                fabric.to_come.add((t, END, station, 0))
        elif place == FLYING:
            one.flights.append(Flight(t, child, packet))
            fabric.to_come.add((t, LANDING, station, fabric.flown))
            fabric.flown += 1
        else:
            fabric.ports[fabric.plan.hops[hop].port].append(packet)
    fabric.taken = taken_places(state, fabric.plan)

"""What other simulators call the neuron models and parameters that eventsim has: hints for messages, nothing else.

The spellings are those of the documentation of NEST, PyNN, Brian2, snnTorch and NIR; case does not count. Relies on
`eventsim.errors`. Used by `neuron_model`.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from eventsim.errors import did_you_mean, nearest

# What the time constants of two currents are called elsewhere.
_OF_RECEPTORS = (
    "tau_syn_e tau_syn_i tau_syn_ex tau_syn_in tau_syn_exc tau_syn_inh tau_e tau_i taue taui tau_exc tau_inh tau_ampa "
    "tau_nmda tau_gaba"
)
# By a parameter of a model here, what it is called elsewhere.
_PARAMETERS = {
    "v_leak": "v_rest vrest e_l el e_leak e_rest v_resting",
    "v_threshold": "v_th vth v_thr v_thres v_thresh vt v_t theta",
    "threshold": "v_th vth v_thr v_thres v_thresh vt v_t theta v_threshold",
    "v_reset": "vr v_r vreset",
    "v_init": "v_m v_0 v0 v",
    "tau_mem": "tau_m taum tau",
    "tau_syn": f"tau_s taus {_OF_RECEPTORS}",
    "t_ref": "tau_ref tau_refrac t_refrac refractory refractory_period tau_rp",
    "current": "i_e i_ext i_offset i_inj",
    "r": "r_m rm r_in resistance",
    "decay": "beta",
    "v_critical": "v_crit v_c vc",
}
# The same of models. A name that several have is none.
_MODELS = {
    "lif_delta": "iaf_psc_delta iaf_psc_delta_ps if_curr_delta",
    "lif_exp": "iaf_psc_exp iaf_psc_exp_ps if_curr_exp cubalif",
    "lif_alpha": "iaf_psc_alpha iaf_psc_alpha_ps if_curr_alpha",
    "qif": "quadratic quadratic_if quadratic_lif theta theta_neuron izhikevich izhikevich_psc_exp",
    "lif_clocked": "leaky",
}


def _by_spelling(table: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for name, spellings in table.items():
        for spelling in spellings.split():
            found[spelling] = (*found.get(spelling, ()), name)
    return MappingProxyType(found)


PARAMETERS, MODELS = _by_spelling(_PARAMETERS), _by_spelling(_MODELS)


def of_receptors(name: object) -> str:
    """Return how two currents are given here, as a sentence, for a name of elsewhere of one of them; "" for others.

    >>> of_receptors("tau_syn_ex")
    ' Give each receptor its own, tau_syn={"excitatory": 2.0, "inhibitory": 8.0}, and connect with receptor=.'
    >>> of_receptors("tau_s")
    ''
    """
    if str(name).lower() not in _OF_RECEPTORS.split():
        return ""
    return ' Give each receptor its own, tau_syn={"excitatory": 2.0, "inhibitory": 8.0}, and connect with receptor=.'


def meant(name: object, allowed: Sequence[str], spellings: Mapping[str, tuple[str, ...]]) -> str:
    """Return ", did you mean 'x'?" for a name of elsewhere, or else for the nearest one.

    A name of elsewhere that nothing here is allowed for gives "": what looks like it means something else.

    >>> meant("V_rest", ["v_reset", "v_leak"], PARAMETERS), meant("v_rest", ["v_reset"], PARAMETERS)
    (", did you mean 'v_leak'?", '')
    """
    key = str(name).lower()
    if key in spellings and key not in map(str.lower, allowed):
        return did_you_mean([one for one in spellings[key] if one in allowed])
    return nearest(name, allowed)

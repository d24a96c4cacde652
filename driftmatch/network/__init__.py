"""The recurrent network: its equation, its connectivity, how latent states lie in its neurons."""

from driftmatch.network.connectivity import AbstractConnectivity as AbstractConnectivity
from driftmatch.network.connectivity import LowRank as LowRank
from driftmatch.network.lift import AbstractLift as AbstractLift
from driftmatch.network.lift import Affine as Affine
from driftmatch.network.network import Network as Network
from driftmatch.network.network import NeuralSDE as NeuralSDE
from driftmatch.network.network import OverTau as OverTau
from driftmatch.network.network import SharedNoise as SharedNoise
from driftmatch.network.network import as_sde as as_sde
from driftmatch.network.network import input_gain as input_gain
from driftmatch.network.network import network_of as network_of
from driftmatch.network.noisier import NoisierSDE as NoisierSDE
from driftmatch.network.noisier import with_noise as with_noise

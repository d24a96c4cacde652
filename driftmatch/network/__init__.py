"""The recurrent network: its equation, its connectivity, how latent states lie in its neurons."""

from driftmatch.network.connectivity import AbstractConnectivity as AbstractConnectivity
from driftmatch.network.connectivity import LowRank as LowRank
from driftmatch.network.lift import AbstractLift as AbstractLift
from driftmatch.network.lift import Affine as Affine
from driftmatch.network.network import Network as Network
from driftmatch.network.neural import NeuralSDE as NeuralSDE
from driftmatch.network.noisier import NoisierSDE as NoisierSDE
from driftmatch.network.noisier import with_noise as with_noise
from driftmatch.network.shared_noise import SharedNoise as SharedNoise
from driftmatch.network.signed import Signed as Signed
from driftmatch.network.sparse import SparseConnectivity as SparseConnectivity
from driftmatch.network.steering import InputRange as InputRange
from driftmatch.network.symmetric import SymmetricConnectivity as SymmetricConnectivity
from driftmatch.network.views import as_low_rank as as_low_rank
from driftmatch.network.views import as_sde as as_sde
from driftmatch.network.views import input_gain as input_gain
from driftmatch.network.views import network_of as network_of

"""Every name that PyTorch scripts of this size use is there, under the same path, with PyTorch's argument names."""

from __future__ import annotations

import importlib
import inspect
from typing import Any

import pytest

NAMES = {
    "": """
        randn no_grad tensor zeros ones arange from_numpy manual_seed device rand matmul sum linspace normal
        sqrt max exp save load tanh cat float32 float sin set_printoptions sigmoid mean mm inference_mode
        randint FloatTensor LongTensor Tensor argmax ones_like zeros_like rand_like randn_like empty_like
        meshgrid Generator multinomial unsqueeze __version__ log softmax square stack relu unique cos dot round
        randperm abs eq min transpose all allclose mul multiply mv double long empty full int8 int16 int32 int64
        float16 float64 bool short add sub argmin chunk split squeeze cosh sinh eye is_tensor isfinite isnan lt
        gt maximum minimum norm set_default_device set_default_dtype set_grad_enabled is_grad_enabled sign var
        std tril triu pow roll topk flatten asin bitwise_xor ceil floor clamp histogram log1p prod reshape
        einsum where cumsum sort outer bmm logsumexp gather scatter index_select masked_select diag trace kron
        erf get_rng_state set_rng_state enable_grad
    """,
    "cuda": "is_available device_count manual_seed manual_seed_all",
    "backends.mps": "is_available",
    "accelerator": "is_available current_accelerator",
    "linalg": "norm svd cross matmul inv solve det",
    "special": "erf expit gammaln logsumexp log_softmax xlogy",
    "random": "manual_seed",
    "Tensor": """
        backward shape item data sum numpy grad mean detach reshape to size view requires_grad squeeze pow zero_
        dtype type float cpu matmul argmax unsqueeze transpose numel exp max add ndim fill_ relu T abs cumsum
        tolist device sqrt clone min requires_grad_ clamp grad_fn nelement flatten log clip resize_ cos var mm
        normal_ uniform_ permute ravel add_ sub_ mul_ div_ double log10 sin std t argmin split eq long int short
        bool retain_grad scatter scatter_ gather view_as expand masked_fill dot floor mul square tanh contiguous
        is_contiguous stride storage_offset norm cosh sinh sigmoid softmax topk type_as index_add_ tril
        unsqueeze_ expand_as repeat element_size is_leaf register_hook copy_ new_zeros new_tensor any all
        random_ cuda mv half
    """,
    "nn": """
        Linear Module Sequential MSELoss ReLU CrossEntropyLoss LazyLinear Flatten Parameter Dropout Sigmoid Tanh
        NLLLoss Softmax BCEWithLogitsLoss L1Loss ModuleList LogSoftmax BCELoss BatchNorm1d LeakyReLU Hardtanh
        Softplus SELU ELU GELU SiLU SmoothL1Loss HuberLoss KLDivLoss Conv1d Conv2d Embedding MaxPool2d LayerNorm
        ModuleDict ParameterList AvgPool2d BatchNorm2d LazyConv2d LazyBatchNorm1d LazyBatchNorm2d
        AdaptiveAvgPool2d Dropout2d ConvTranspose2d RNN LSTM GRU RNNCell LSTMCell GRUCell MultiheadAttention
        TransformerEncoderLayer TransformerEncoder Identity Unflatten Bilinear GroupNorm RMSNorm Dropout1d
        AlphaDropout PReLU Mish Hardsigmoid Hardswish ReLU6 CELU GLU Softmin Softsign Tanhshrink Softshrink
        Hardshrink LogSigmoid Threshold MaxPool1d AvgPool1d ParameterDict CosineSimilarity PairwiseDistance
        TripletMarginLoss CosineEmbeddingLoss MarginRankingLoss HingeEmbeddingLoss PoissonNLLLoss
        GaussianNLLLoss ZeroPad2d Upsample TransformerDecoderLayer TransformerDecoder Transformer parameter
    """,
    "nn.Module": """
        parameters named_parameters children named_children modules named_modules buffers named_buffers
        register_buffer register_parameter add_module apply train eval zero_grad state_dict load_state_dict
        requires_grad_ to float double half register_forward_hook register_forward_pre_hook
        register_full_backward_hook extra_repr forward cpu cuda type get_submodule get_parameter get_buffer
        register_module
    """,
    "nn.functional": """
        relu cross_entropy softmax log_softmax sigmoid one_hot binary_cross_entropy
        binary_cross_entropy_with_logits tanh leaky_relu smooth_l1_loss softplus max_pool2d avg_pool2d nll_loss
        mse_loss l1_loss dropout linear batch_norm layer_norm conv2d pad embedding gelu silu elu normalize
        cosine_similarity scaled_dot_product_attention kl_div unfold fold interpolate conv1d conv_transpose2d
        huber_loss selu logsigmoid hardtanh adaptive_avg_pool2d dropout2d group_norm rms_norm pairwise_distance
        prelu mish relu6 glu softmin softsign tanhshrink
    """,
    "nn.init": """
        normal_ kaiming_uniform_ constant_ xavier_uniform_ zeros_ ones_ uniform_ xavier_normal_ kaiming_normal_
        orthogonal_ trunc_normal_ calculate_gain eye_ dirac_ sparse_
    """,
    "nn.utils": "clip_grad_norm_ clip_grad_value_ parameters_to_vector vector_to_parameters",
    "nn.utils.rnn": "pad_sequence",
    "optim": "SGD Adam AdamW RMSprop Adadelta Adagrad Adamax NAdam LBFGS Optimizer",
    "optim.lr_scheduler": """
        StepLR MultiStepLR ExponentialLR CosineAnnealingLR LambdaLR ReduceLROnPlateau OneCycleLR LinearLR
        SequentialLR ConstantLR PolynomialLR CosineAnnealingWarmRestarts CyclicLR MultiplicativeLR
        ChainedScheduler LRScheduler
    """,
    "utils.data": """
        DataLoader TensorDataset Dataset IterableDataset Subset random_split ConcatDataset SubsetRandomSampler
        RandomSampler SequentialSampler WeightedRandomSampler BatchSampler Sampler default_collate
        get_worker_info
    """,
    "utils.tensorboard": "SummaryWriter",
    "utils.checkpoint": "checkpoint CheckpointError",
    "autograd": "Variable grad Function backward set_detect_anomaly detect_anomaly gradcheck gradgradcheck",
    "autograd.functional": "jacobian vjp jvp hessian vhp hvp",
    "func": "grad grad_and_value vjp jvp jacrev jacfwd hessian vmap functional_call",
}
EVERY = [(place, name) for place, names in NAMES.items() for name in names.split()]


def found(root: str, place: str, name: str) -> Any:
    """``root.place.name``, where `place` may be a module or a class."""
    module, _, holder = f"{root}.{place}".rstrip(".").rpartition(".")
    try:
        return getattr(importlib.import_module(f"{module}.{holder}".strip(".")), name)
    except ModuleNotFoundError:
        return getattr(getattr(importlib.import_module(module), holder), name)


@pytest.mark.parametrize(("place", "name"), EVERY)
def test_a_name_of_pytorch_scripts_is_there(place: str, name: str) -> None:
    found("tensorgrad", place, name)


def arguments(function: Any) -> list[str] | None:
    """The names of the arguments in order; None where Python cannot tell them."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (ValueError, TypeError):
        return None
    kinds = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return None if any(p.kind in kinds for p in parameters) else [p.name for p in parameters if p.name != "self"]


PLACES_WITH_SIGNATURES = (
    "nn",
    "nn.functional",
    "nn.init",
    "nn.utils",
    "optim",
    "optim.lr_scheduler",
    "utils.data",
    "func",
)


@pytest.mark.parametrize(("place", "name"), [(place, name) for place, name in EVERY if place in PLACES_WITH_SIGNATURES])
def test_a_name_takes_pytorchs_arguments_in_pytorchs_order(place: str, name: str) -> None:
    pytest.importorskip("torch", reason="PyTorch is not installed: its signatures are not there to be compared with")
    theirs, ours = arguments(found("torch", place, name)), arguments(found("tensorgrad", place, name))
    if theirs is None or ours is None:
        pytest.skip("PyTorch's is a builtin, or takes whatever comes")
    public = [a for a in theirs if not a.startswith("_")]
    assert [a for a in ours if a in public] == public

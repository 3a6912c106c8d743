"""Calls whose result shares the memory of their argument `x`, and calls whose result never does.

Many of them have nothing to do: a shift by the whole length, an axis of length 1, padding by nothing. `t` is
the library.
"""

from __future__ import annotations

SHARED: dict[tuple[int, ...], str] = {
    (2, 3, 4): """
        F.dropout(x, 0.0) | F.dropout(x, 0.5, False) | nn.Dropout(0.0)(x) | nn.Dropout(0.5).eval()(x)
        F.dropout1d(x, 0.0) | F.dropout1d(x, 0.5, False) | F.alpha_dropout(x, 0.0) | F.alpha_dropout(x, 0.5, False)
        F.feature_alpha_dropout(x, 0.5, False) | nn.AlphaDropout(0.0)(x) | nn.Dropout1d(0.5).eval()(x) | x.flatten(1, 1)
        x.flatten() | x.reshape(2, 3, 4) | x.reshape(-1) | x.view(2, 3, 4) | x.view_as(x) | x.reshape_as(x)
        x.expand(2, 3, 4) | x.expand(-1, -1, -1) | x.expand(1, 2, 3, 4) | x.expand_as(x) | x.broadcast_to((2, 3, 4))
        t.broadcast_tensors(x, x)[0] | t.broadcast_tensors(x, t.ones(1))[0] | x.contiguous() | x.to(x.dtype)
        x.to('cpu') | x.float() | x.type(x.dtype) | x.type_as(x) | x.cpu() | x.to(x) | x.detach() | x.data | x.T | x.mT
        x.permute(0, 1, 2) | x.permute(2, 0, 1) | x.transpose(0, 0) | x.transpose(0, 1) | x.swapaxes(1, 1)
        x.swapdims(0, 2) | x.movedim(0, 0) | x.moveaxis(0, 2) | x.adjoint() | x.mH | x.squeeze() | x.squeeze(0)
        x.squeeze((0, 1)) | x.unsqueeze(0) | x.unflatten(2, (4,)) | x.unflatten(2, (2, 2)) | x[...] | x[()] | x[:]
        x[0] | x[None] | x[0:1] | x[::2] | x[:, 1] | x[..., 0] | x[t.tensor(0)] | x[t.tensor(1), :, 0] | x[0, 0, 0]
        x.select(0, 1) | x.narrow(0, 0, 2) | x.narrow(1, 0, 3) | x.split(2) | x.split(1) | x.split([1, 1]) | x.chunk(1)
        x.chunk(2) | x.unbind() | x.unbind(2) | x.tensor_split(1) | x.tensor_split(2) | x.tensor_split([1])
        x.hsplit(1) | x.vsplit(1) | x.dsplit(1) | x.split_with_sizes([2]) | x.diagonal() | x.diagonal(0, 1, 2)
        x.unfold(0, 2, 1) | x.unfold(2, 2, 2) | x.unfold(2, 2, 1) | x.unfold(2, 1, 1) | x.unfold(2, 4, 1)
        x.unfold(1, 1, 2) | t.atleast_1d(x) | t.atleast_2d(x) | t.atleast_3d(x) | x.sum_to_size(2, 3, 4) | x.positive()
        (+x) | x.real | x.conj() | t.meshgrid(x[0, 0], indexing='ij') | t.meshgrid(x[0, 0], x[0, 0], indexing='ij')
        t.cartesian_prod(x[0, 0]) | t.einsum('abc', x) | t.einsum('abc->abc', x) | t.einsum('abc->cab', x)
        t.einsum('aab->ab', x[:, :2]) | nn.Identity()(x) | nn.Flatten(1, 1)(x) | nn.Flatten()(x)
        nn.Unflatten(2, (4,))(x) | nn.Sequential()(x) | nn.ParameterList([x])[0] | t.asarray(x) | t.as_tensor(x)
        t.ravel(x) | x.ravel() | x.view(t.float32) | x.view(t.int32) | t.detach(x) | x.requires_grad_() | x.squeeze(1)
        t.Tensor(x) | t.linalg.diagonal(x) | x.unsqueeze(-1) | t.squeeze(x) | x.expand(2, 2, 3, 4) | t.real(x)
        t.conj(x) | t.atleast_2d(x[0, 0]) | t.broadcast_to(x, (2, 3, 4)) | x.view(-1) | t.atleast_1d([x, x])[0]
        x.squeeze(2) | x[1, ..., 1:] | x.T[0] | x[0].T | x.transpose(0, 1)[1:].diagonal(0, 1, 2)
        x[:, 1].unfold(1, 2, 2) | x.unbind(1) | x.view(6, 4).unflatten(0, (2, 3)) | x.expand(1, 2, 3, 4)[0]
        x.detach()[0] | x.data[0] | x.detach().view(-1) | x.chunk(2, 2) | x[0].t() | x.diagonal(1) | x.mT[..., 0]
    """,
    (1,): """
        x.squeeze() | x.squeeze(0) | x.view(()) | x.reshape(()) | x.expand(1) | x.broadcast_to((1,)) | x[0]
        t.meshgrid(x, indexing='ij')[0] | t.cartesian_prod(x) | x.flatten() | x.ravel() | t.einsum('a', x)
        t.einsum('a->a', x) | x.unfold(0, 1, 1) | x.hsplit(1) | t.atleast_2d(x) | x.t() | x.T | x.split(1) | x.chunk(1)
        x.unbind() | x.sum_to_size(1) | t.asarray(x) | x.squeeze(())
    """,
    (1, 1, 3): """
        x.squeeze() | x.squeeze(0) | x.squeeze((0, 1)) | x.expand(1, 1, 3) | x.transpose(0, 1) | x.permute(1, 0, 2)
        x.unfold(0, 1, 1) | x.unfold(1, 1, 1) | t.einsum('abc->bac', x) | nn.Flatten()(x)
    """,
    (1, 1, 2, 2): """
        F.dropout2d(x, 0.0) | F.dropout2d(x, 0.5, False) | F.dropout3d(x[None], 0.5, False)
        nn.Dropout2d(0.5).eval()(x) | nn.Flatten()(x) | x.contiguous(memory_format=t.contiguous_format)
    """,
    (): """
        x.expand(()) | x.expand(1) | x.expand(3) | x.view(()) | x.view(1) | x.reshape(()) | x[...] | x[()] | x[None]
        x.squeeze() | x.squeeze(0) | x.flatten() | x.ravel() | x.T | x.t() | x.unsqueeze(0) | x.contiguous()
        x.transpose(0, 0) | x.permute(()) | t.atleast_1d(x) | t.atleast_2d(x) | t.atleast_3d(x)
        t.broadcast_tensors(x, x)[0] | t.einsum('', x) | t.einsum('->', x) | x.movedim((), ()) | x.real
        x.broadcast_to((1,)) | t.meshgrid(x, indexing='ij')[0]
    """,
}

APART: dict[tuple[int, ...], str] = {
    (2, 3, 4): """
        x.roll(0) | x.roll(24) | x.roll(3, 1) | x.roll(1, 0) | x.roll((2, 3), (0, 1)) | F.pad(x, (0, 0))
        F.pad(x, (0, 0, 0, 0)) | F.pad(x, (0, -1)) | F.pad(x, (-1, -1), mode='constant')
        F.pad(x, (0, 0), mode='reflect') | F.pad(x, (0, 0), mode='replicate') | F.pad(x, (0, 0), mode='circular')
        nn.ConstantPad1d(0, 1.0)(x) | nn.ZeroPad1d(0)(x) | nn.ReflectionPad1d(0)(x) | nn.ReplicationPad1d(0)(x)
        nn.CircularPad1d(0)(x) | x.repeat(1, 1, 1) | x.repeat(1, 1, 1, 1) | x.tile(1) | x.tile((1, 1))
        x.repeat_interleave(1, 0) | x.repeat_interleave(1) | x.clamp(-100, 100) | x.clamp(min=-100) | x.clip(-100, 100)
        F.interpolate(x, size=4) | F.interpolate(x, scale_factor=1) | F.interpolate(x, size=4, mode='linear')
        F.interpolate(x, size=4, mode='area') | nn.Upsample(4)(x) | x.double() | x.to(x.dtype, copy=True) | x.clone()
        x[True] | x[[0]] | x[[0, 1]] | x.flip(()) | x.flip(0) | x.flip((0, 1)) | x.fliplr() | x.flipud() | x.rot90(0)
        x.rot90(4) | x.rot90(1) | x.rot90(2) | t.cat([x]) | t.cat([x, t.zeros(0)]) | t.cat([x, x[:0]]) | t.stack([x])
        t.concat([x]) | t.hstack([x]) | t.vstack([x]) | t.dstack([x]) | t.column_stack([x]) | t.block_diag(x[0])
        x.sum(()) | x.sum(0) | x.sum_to_size(1, 3, 4) | x.prod(0) | x.cumsum(0) | x.cumprod(0) | x.cummax(0)
        x.diff(n=0) | x.diff() | x.tril(5) | x.triu(-5) | x.abs() | x.relu() | t.relu(x) | x.ceil() | x.round()
        x.floor() | x.trunc() | x.fix() | x.nan_to_num() | x.add(0) | (x+0) | (x*1) | (x/1) | (x**1) | x.pow(1)
        x.mul(1) | x.lerp(x, 0.0) | x.where(t.tensor(True), x) | t.where(t.tensor(True), x, x)
        x.masked_fill(t.tensor(False), 0.0) | x.masked_scatter(t.tensor(False), x) | x.masked_select(t.tensor(True))
        x.index_select(0, t.tensor([0, 1])) | x.gather(0, t.zeros(2, 3, 4, dtype=t.int64))
        x.take_along_dim(t.zeros(2, 3, 4, dtype=t.int64), 0) | x.take(t.tensor([0]))
        x.index_fill(0, t.tensor([], dtype=t.int64), 0.0) | x.index_add(0, t.tensor([], dtype=t.int64), x[:0])
        x.index_copy(0, t.tensor([], dtype=t.int64), x[:0]) | x.scatter(0, t.zeros(0, 0, 0, dtype=t.int64), x)
        x.scatter(0, t.zeros(0, 3, 4, dtype=t.int64), 1.0) | x.scatter_add(0, t.zeros(0, 3, 4, dtype=t.int64), x)
        x.scatter_reduce(0, t.zeros(0, 3, 4, dtype=t.int64), x, 'sum')
        x.index_put((t.tensor([], dtype=t.int64),), x[:0]) | x.sort(0) | x.sort(stable=True) | x.argsort() | x.topk(4)
        x.topk(2, 1) | x.kthvalue(1) | x.median(0) | x.mode(0) | x.max(0) | x.min(0) | x.amax(0) | x.amax(())
        x.mean(0) | x.var(0) | x.std(0) | x.norm(dim=0) | x.logsumexp(0) | x.softmax(0) | x.log_softmax(0) | x.msort()
        x.unique(dim=0) | x.select_scatter(x[0], 0, 0) | x.slice_scatter(x, 0) | x.slice_scatter(x[:0], 0, 0, 0)
        x.diagonal_scatter(x.diagonal()) | t.combinations(x[0, 0], 1) | t.einsum('abc->ac', x)
        t.tensordot(x, t.ones(()), 0) | F.relu(x) | F.hardtanh(x, -100, 100) | F.threshold(x, -100, 0)
        F.leaky_relu(x, 1.0) | F.avg_pool1d(x, 1) | F.max_pool1d(x, 1) | F.adaptive_avg_pool1d(x, 4)
        F.adaptive_max_pool1d(x, 4) | F.normalize(x) | F.layer_norm(x, (4,)) | F.rms_norm(x, (4,))
        F.layer_norm(x, (3, 4), t.ones(3, 4), t.zeros(3, 4)) | F.instance_norm(x) | F.group_norm(x, 1)
        nn.BatchNorm1d(3)(x) | nn.BatchNorm1d(3).eval()(x) | nn.BatchNorm1d(4)(x[0]) | nn.BatchNorm2d(2)(x[None])
        t.einsum('ij,jk->ki', x[0], t.ones(4, 2)) | t.einsum('bij,bkj->kib', x, x) | t.cdist(x, x) | F.gelu(x)
        F.cosine_similarity(x, x, 0) | F.unfold(x[None], (2, 2)) | F.linear(x, t.ones(2, 4))
        nn.ChannelShuffle(1)(x) | F.glu(x)
        t.tensor(x) | x.bool() | x.int() | t.clone(x) | x.nansum(()) | x.logcumsumexp(0) | x.cummin(0) | x.new_tensor(x)
        t.zeros_like(x) | x.clamp_max(1e9) | x.clamp_min(-1e9) | x.fmod(1e9) | x.remainder(1e9) | x.heaviside(x)
        x.copysign(x) | t.maximum(x, x) | t.minimum(x, x) | t.fmax(x, x) | x.addcmul(x, x, value=0) | x.tril()
        x.nanmean(0) | x.quantile(0.5, 0) | x.isnan() | t.complex(x, x).real | t.complex(x, x).imag
        F.one_hot(t.tensor([0, 1])) | F.embedding(t.tensor([0, 1]), x[0]) | F.channel_shuffle(x[..., None], 1)
        F.pixel_shuffle(x, 1) | F.pixel_unshuffle(x, 1) | nn.PixelShuffle(1)(x) | nn.PixelUnshuffle(1)(x) | x[:, [0, 2]]
        x[[0, 1], :, [0, 1]] | x[:, :, [0, 1]] | x.index_select(1, t.tensor([0, 1]))
        x.index_select(2, t.tensor([0, 1])) | x.gather(2, t.zeros(2, 3, 1, dtype=t.int64))
        x.take_along_dim(t.zeros(2, 3, 1, dtype=t.int64), 2) | x.transpose(0, 2).sort(0)[0] | F.interpolate(x, size=8)
        F.interpolate(x, scale_factor=2, mode='linear') | x.repeat(2, 1, 1) | x.roll(1, 2) | x.roll(1, 1)
        F.unfold(x[None], 1) | F.fold(t.ones(1, 4, 6), (2, 3), 1) | nn.Fold((2, 3), 1)(t.ones(1, 4, 6))
        nn.Unfold(1)(x[None]) | t.kron(x[0], t.ones(1, 1)) | t.outer(x[0, 0], t.ones(1)) | t.matmul(x, t.eye(4))
        t.chain_matmul(x[0]) | t.linalg.multi_dot([x[0], x[0].T]) | x[:, :2, :2].matrix_power(1)
        x[:, :2, :2].matrix_power(0) | t.linalg.matrix_power(x[:, :2, :2], 1) | x.norm(dim=())
        t.linalg.vector_norm(x, dim=()) | x.nan_to_num(0.0) | x.frac() | x.sgn() | x.diag_embed() | x[0, 0].diag()
        x[0, :, :3].diag() | x.diagflat() | t.trapezoid(x) | x.argwhere() | x.nonzero() | x[[0, 1], 0]
    """,
    (1,): """
        x.prod(0) | x.cumprod(0) | x.cumsum(0) | x.prod() | x.sum() | x.sum(0) | x.mean() | x.mean(0) | x.max()
        x.max(0) | x.min(0) | x.amax(0) | x.amin() | x.norm() | x.norm(1) | x.logsumexp(0) | x.cummax(0)
        x.logcumsumexp(0) | x.median() | x.median(0) | x.mode() | x.kthvalue(1) | x.sort() | x.topk(1) | x.nansum()
        x.nanmean() | x.flip(0) | x.roll(1) | x.roll(1, 0) | x.repeat(1) | x.tile(1) | x.tile(()) | x[[0]]
        x[t.tensor([0])] | x[t.tensor([True])] | x[True] | x.take(t.tensor([0])) | x.gather(0, t.tensor([0]))
        x.index_select(0, t.tensor([0])) | x.masked_select(t.tensor([True])) | x.diff(n=0) | t.cat([x]) | t.stack([x])
        t.combinations(x, 1) | x.unique() | x.unique_consecutive() | t.unique_consecutive(x) | x.diag() | x.diagflat()
        x.outer(x) | x.dot(x) | t.einsum('a->', x) | x.quantile(0.5) | x.aminmax() | x.vdot(x) | x.where(x>100, x)
        t.block_diag(x) | x.diag_embed() | x.softmax(0) | x.new_tensor(x) | F.pad(x, ()) | F.pad(x, (0, 0))
        t.linalg.norm(x) | x.all() | x.any() | x.repeat_interleave(1) | x.repeat_interleave(t.tensor([1])) | x.dist(x)
        t.trapezoid(x) | t.vander(x, 1) | F.softmax(x, 0) | nn.utils.parameters_to_vector([x])
        nn.utils.rnn.pad_sequence([x]) | t.hstack([x]) | t.column_stack([x]) | t.kron(x, t.ones(1))
    """,
    (1, 1, 3): """
        x.prod(0) | x.prod(1) | x.cumprod(0) | x.cumprod(1) | x.cumsum(0) | x.sum(0) | x.mean(0) | x.mean((0, 1))
        x.amax(0) | x.amax((0, 1)) | x.max(0)[0] | x.max(0) | x.min(1) | x.norm(dim=0) | x.norm(1, dim=0)
        x.logsumexp(0) | x.logcumsumexp(0) | x.cummax(0) | x.cummin(0) | x.median(0) | x.mode(0) | x.kthvalue(1, 0)
        x.sort(0) | x.topk(1, 0) | x.nansum(0) | x.roll(1, 0) | x.roll((1, 1), (0, 1)) | x.flip(0) | x.flip((0, 1))
        x.repeat(1, 1, 1) | x.tile(1) | x.diff(n=0) | x.prod(0, keepdim=True) | x.sum(0, keepdim=True)
        x.amax(0, keepdim=True) | x.mean(0, keepdim=True) | x.softmax(0) | x.quantile(0.5, 0) | F.avg_pool1d(x, 1)
        F.max_pool1d(x, 1) | F.adaptive_avg_pool1d(x, 3) | F.interpolate(x, size=3) | F.interpolate(x, scale_factor=1.0)
        F.interpolate(x, size=3, mode='linear', align_corners=True) | F.pad(x, (0, 0)) | F.normalize(x, p=1, dim=0)
        t.bmm(x, t.eye(3)[None]) | x.gather(0, t.zeros(1, 1, 3, dtype=t.int64)) | x.nanmean(0) | t.einsum('abc->c', x)
        t.einsum('abc->ac', x) | x.sum((0, 1)) | x.unique(dim=0) | x.all(0) | x.std(0, correction=0)
        F.conv1d(x, t.ones(1, 1, 1)) | t.logsumexp(x, (0, 1)) | t.linalg.vector_norm(x, 1, dim=0)
        t.linalg.vector_norm(x, dim=0) | t.linalg.norm(x, dim=0) | t.linalg.vector_norm(x, float('inf'), dim=0)
        x.fliplr() | x.flipud() | x.rot90(0) | x.rot90(2) | nn.RNN(3, 3, batch_first=True)(x) | nn.GRU(3, 3)(x)
        F.max_pool1d(x, 1, stride=1) | nn.LSTM(3, 3)(x)
    """,
    (1, 1, 2, 2): """
        nn.ZeroPad2d(0)(x) | F.pad(x, (0, 0, 0, 0)) | F.pad(x, (0, 0, 0, 0), mode='reflect')
        F.pad(x, (0, 0, 0, 0), mode='replicate') | F.pad(x, (0, 0, 0, 0), mode='circular') | nn.ReflectionPad2d(0)(x)
        nn.ReplicationPad2d(0)(x) | nn.CircularPad2d(0)(x) | nn.ConstantPad2d(0, 3.0)(x) | F.pixel_shuffle(x, 1)
        F.pixel_unshuffle(x, 1) | nn.PixelShuffle(1)(x) | nn.PixelUnshuffle(1)(x) | F.channel_shuffle(x, 1)
        nn.ChannelShuffle(1)(x) | F.interpolate(x, size=2) | F.interpolate(x, size=(2, 2))
        F.interpolate(x, scale_factor=1) | F.interpolate(x, size=2, mode='bilinear')
        F.interpolate(x, size=2, mode='bilinear', align_corners=True) | F.interpolate(x, size=2, mode='area')
        F.interpolate(x, size=2, mode='nearest-exact') | nn.Upsample(scale_factor=1)(x)
        nn.UpsamplingNearest2d(scale_factor=1)(x) | nn.UpsamplingBilinear2d(scale_factor=1)(x) | F.avg_pool2d(x, 1)
        F.max_pool2d(x, 1) | F.adaptive_avg_pool2d(x, 2) | F.adaptive_max_pool2d(x, 2)
        nn.AdaptiveAvgPool2d((None, None))(x) | nn.AvgPool2d(1)(x) | nn.MaxPool2d(1)(x) | F.unfold(x, 1)
        F.unfold(x, 2) | nn.Unfold(1)(x) | nn.Unfold(2)(x) | F.fold(x.reshape(1, 1, 4), (2, 2), 1)
        F.fold(x.reshape(1, 4, 1), (2, 2), 2) | nn.Fold((2, 2), 1)(x.reshape(1, 1, 4)) | F.conv2d(x, t.ones(1, 1, 1, 1))
        F.local_response_norm(x, 1, alpha=0.0) | nn.BatchNorm2d(1, affine=False).eval()(x) | F.instance_norm(x)
        F.group_norm(x, 1) | nn.Softmax2d()(x) | F.interpolate(x, size=4) | F.avg_pool2d(x, 2) | F.max_pool2d(x, 2)
        F.unfold(x, 1, stride=2) | F.pad(x, (1, 1, 0, 0))
    """,
    (): """
        x.prod() | x.prod(0) | x.sum() | x.sum(0) | x.cumsum(0) | x.cumprod(0) | x.max() | x.max(0) | x.amax()
        x.mean() | x.sort() | x.topk(1) | x.roll(1) | x.roll(0) | x.flip(()) | x.repeat(()) | x.repeat(1) | x.tile(())
        x[True] | x.clone() | x.cummax(0) | x.logcumsumexp(0) | x.median() | x.mode() | x.kthvalue(1) | x.logsumexp(0)
        x.norm() | x.softmax(0) | t.stack([x]) | t.block_diag(x) | x.gather(0, t.tensor(0))
        x.index_select(0, t.tensor([0])) | x.take(t.tensor(0)) | x.masked_select(t.tensor(True))
        x.repeat_interleave(1) | x.index_fill(0, t.tensor([0]), 1.0) | x.where(t.tensor(True), x) | x.sum_to_size(())
        x.abs() | x.clamp(-9, 9) | x.aminmax() | x.var(correction=0) | x.nansum() | x.unique() | x.quantile(0.5)
        x.mean(0) | x.min(0) | t.hstack([x])
    """,
}

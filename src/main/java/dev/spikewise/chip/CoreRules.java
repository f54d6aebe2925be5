package dev.spikewise.chip;

import dev.spikewise.chip.Deployability.Rule;
import dev.spikewise.spec.ResetFn;
import dev.spikewise.spec.Shape;
import dev.spikewise.spec.Size2;
import dev.spikewise.spec.SpikeFn;
import dev.spikewise.spec.layer.NeuronSpec;
import dev.spikewise.spec.layer.PoolSpec;
import java.util.stream.Collectors;

/** What a core asks of its own weights, neurons and pools, whatever it is connected to. */
final class CoreRules {

  private CoreRules() {}

  static void weights(Chip chip, CoreDraft draft, boolean linear, Findings findings) {
    Size2 kernel = draft.conv.kernelSize();
    Size2 stride = draft.conv.stride();
    Size2 padding = draft.conv.padding();
    Shape input = draft.input;
    Shape output = draft.output;
    findings.require(
        kernel.h() == kernel.w() && kernel.h() <= Chip.MAX_KERNEL,
        Rule.KERNEL_SIZE,
        (linear ? "the input map of a Linear becomes its kernel, which" : "a kernel")
            + " must be square and at most 16 x 16 but was "
            + kernel.h()
            + " x "
            + kernel.w());
    findings.require(
        Chip.STRIDES.contains(stride.h()) && Chip.STRIDES.contains(stride.w()),
        Rule.STRIDE,
        "a stride must be 1, 2, 4 or 8 but was " + stride);
    findings.require(
        Math.max(padding.h(), padding.w()) <= Chip.MAX_PADDING,
        Rule.PADDING,
        "a padding may be at most 7 but was " + padding);
    findings.require(
        draft.conv.dilation().equals(Size2.ONE),
        Rule.DILATION,
        "dilation must be 1 but was " + draft.conv.dilation());
    findings.require(
        draft.conv.groups() == 1, Rule.GROUPS, "groups must be 1 but was " + draft.conv.groups());
    int channels = Math.max(input.dim(0), output.dim(0));
    findings.require(
        channels <= Chip.MAX_CHANNELS,
        Rule.CHANNELS,
        "a layer may have at most 1024 channels but was "
            + input.dim(0)
            + " in and "
            + output.dim(0)
            + " out");
    findings.require(
        Math.max(output.dim(1), output.dim(2)) <= Chip.MAX_MAP,
        Rule.MAP_SIZE,
        "a map of neurons may be at most 64 x 64 but was " + size(output));
    findings.require(
        channels > Chip.MAX_CHANNELS || !draft.possibleCores(chip).isEmpty(),
        Rule.MEMORY,
        "no core holds %d words of kernels and %d of neurons; there are %s"
            .formatted(draft.kernelMemory(), draft.neuronMemory(), rooms(chip)));
  }

  private static String rooms(Chip chip) {
    return chip.cores().stream()
        .distinct()
        .map(core -> core.kernelKi() + " Ki and " + core.neuronKi() + " Ki")
        .collect(Collectors.joining(", "));
  }

  static void neurons(NeuronSpec.IAF iaf, Findings findings) {
    findings.require(
        iaf.spikeThreshold().uniform() != null,
        Rule.NEURON,
        "must have one spike_threshold for all neurons but was " + iaf.spikeThreshold());
    findings.require(
        iaf.tauSyn() == null, Rule.NEURON, "must have no tau_syn but was " + iaf.tauSyn());
    Double value = iaf.resetFn().value();
    boolean subtract = iaf.resetFn().kind() == ResetFn.Kind.SUBTRACT;
    findings.require(
        value == null || value.equals(subtract ? iaf.spikeThreshold().uniform() : (Double) 0.0),
        Rule.RESET,
        "must subtract the threshold or reset to 0 but was "
            + (subtract ? "subtract " : "reset to ")
            + value);
    if (!iaf.spikeFn().equals(SpikeFn.MULTI)) {
      findings.notes.add("spikes as often as its potential allows, whatever spike_fn says");
    }
  }

  /** Whether the windows of a pool are squares that do not overlap. */
  static boolean plain(PoolSpec pool, Findings findings) {
    Size2 kernel = pool.kernelSize();
    boolean plain =
        !pool.ceilMode()
            && kernel.h() == kernel.w()
            && pool.stride().equals(kernel)
            && pool.padding().equals(Size2.ZERO);
    findings.require(
        plain,
        Rule.POOLING,
        "must sum over squares that do not overlap but was kernel_size "
            + kernel
            + ", stride "
            + pool.stride()
            + ", padding "
            + pool.padding());
    return plain;
  }

  static String size(Shape map) {
    return map.dim(1) + " x " + map.dim(2);
  }
}

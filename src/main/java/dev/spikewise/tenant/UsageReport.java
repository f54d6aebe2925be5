package dev.spikewise.tenant;

import java.util.List;

/**
 * Usage of all tenants that the caller may see.
 *
 * @param data Usage of each month and tenant, newest month first.
 */
public record UsageReport(List<Usage> data) {}

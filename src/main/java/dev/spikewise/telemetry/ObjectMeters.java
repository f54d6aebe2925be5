package dev.spikewise.telemetry;

import dev.spikewise.store.LargeObjects;
import dev.spikewise.store.LargeObjects.Operation;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.MeterRegistry;
import java.util.Locale;
import org.springframework.stereotype.Component;

/** Metrics of large contents outside the database, for this process. */
@Component
class ObjectMeters {

  private static final String DESCRIPTION =
      "Number of operations of this process on objects outside the database, by kind and outcome";

  ObjectMeters(MeterRegistry registry, LargeObjects objects) {
    for (var operation : Operation.values()) {
      var word = operation.name().toLowerCase(Locale.ROOT);
      FunctionCounter.builder("spikewise.objects", objects, all -> all.completed(operation))
          .tag("operation", word)
          .tag("outcome", "completed")
          .description(DESCRIPTION)
          .register(registry);
      FunctionCounter.builder("spikewise.objects", objects, all -> all.failed(operation))
          .tag("operation", word)
          .tag("outcome", "failed")
          .description(DESCRIPTION)
          .register(registry);
      FunctionCounter.builder("spikewise.objects.transferred", objects, all -> all.bytes(operation))
          .baseUnit("bytes")
          .tag("operation", word)
          .description(
              "Size of the objects outside the database that this process has written, read or"
                  + " deleted")
          .register(registry);
    }
  }
}

package dev.spikewise.web;

import java.util.Collection;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.convert.TypeDescriptor;
import org.springframework.core.convert.converter.ConditionalGenericConverter;
import org.springframework.format.FormatterRegistry;
import org.springframework.http.MediaType;
import org.springframework.http.converter.HttpMessageConverters;
import org.springframework.web.servlet.config.annotation.InterceptorRegistry;
import org.springframework.web.servlet.config.annotation.WebMvcConfigurer;

/**
 * Makes Spring MVC as strict as the API: what it would ignore, guess or split is refused or kept.
 */
@Configuration(proxyBeanMethods = false)
class WebConfiguration implements WebMvcConfigurer {

  private final QueryCheck queryCheck;

  WebConfiguration(QueryCheck queryCheck) {
    this.queryCheck = queryCheck;
  }

  @Override
  public void addInterceptors(InterceptorRegistry registry) {
    registry.addInterceptor(queryCheck);
  }

  @Override
  public void addFormatters(FormatterRegistry registry) {
    registry.addConverter(new WholeText());
  }

  /**
   * YAML and other formats of Jackson, which come with libraries, would not be checked as JSON is.
   */
  @Override
  public void configureMessageConverters(HttpMessageConverters.ServerBuilder builder) {
    builder.configureMessageConvertersList(
        converters ->
            converters.removeIf(
                converter ->
                    converter.getSupportedMediaTypes().stream()
                        .map(MediaType::getSubtype)
                        .anyMatch(type -> type.contains("yaml"))));
  }

  /** A text that is one entry of a list, commas included, where Spring would split it. */
  private static final class WholeText implements ConditionalGenericConverter {

    @Override
    public Set<ConvertiblePair> getConvertibleTypes() {
      return Set.of(new ConvertiblePair(String.class, Collection.class));
    }

    @Override
    public boolean matches(TypeDescriptor from, TypeDescriptor to) {
      var element = to.getElementTypeDescriptor();
      return element != null && element.getType() == String.class;
    }

    @Override
    public @Nullable Object convert(
        @Nullable Object source, TypeDescriptor from, TypeDescriptor to) {
      return source == null ? null : List.of(source);
    }
  }
}

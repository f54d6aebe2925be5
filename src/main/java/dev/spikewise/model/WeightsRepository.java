package dev.spikewise.model;

import java.util.UUID;
import org.springframework.data.jpa.repository.JpaRepository;

interface WeightsRepository extends JpaRepository<ModelWeights, UUID> {}

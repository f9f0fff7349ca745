# Completion of heavykeys for bash. Written by scripts/manual.
_heavykeys() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} verb=${COMP_WORDS[1]}
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W 'find scan sketch merge finalize show eigen overlap reconstruct plant engines --help --version' -- "$word"))
    return
  fi
  case "$verb $before" in
    'find --keys') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'find --epsilon') return ;;
    'find --queries') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'find --score') COMPREPLY=($(compgen -W 'power:2 power:4 expressive softmax' -- "$word")); return ;;
    'find --mode') COMPREPLY=($(compgen -W 'no-false-negatives no-false-positives' -- "$word")); return ;;
    'find --confidence') return ;;
    'find --sample-rows') return ;;
    'find --seed') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'find --engine') COMPREPLY=($(compgen -W 'auto streaming tbb openmp mpi' -- "$word")); return ;;
    'find --threads') return ;;
    'find --out') COMPREPLY=($(compgen -d -- "$word")); return ;;
    'find --report') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'find --tokens') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'find --top') return ;;
    'scan --keys') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'scan --queries') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'scan --epsilon') return ;;
    'scan --score') COMPREPLY=($(compgen -W 'power:2 power:4 expressive softmax' -- "$word")); return ;;
    'scan --mode') COMPREPLY=($(compgen -W 'no-false-negatives no-false-positives' -- "$word")); return ;;
    'scan --tolerance') return ;;
    'scan --audit') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'scan --engine') COMPREPLY=($(compgen -W 'auto streaming tbb openmp mpi' -- "$word")); return ;;
    'scan --threads') return ;;
    'scan --out') COMPREPLY=($(compgen -d -- "$word")); return ;;
    'scan --report') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'scan --tokens') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'scan --top') return ;;
    'sketch --keys') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'sketch --epsilon') return ;;
    'sketch --out') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'sketch --score') COMPREPLY=($(compgen -W 'power:2 power:4 expressive softmax' -- "$word")); return ;;
    'sketch --sample-rows') return ;;
    'sketch --seed') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'sketch --resume') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'sketch --rows') return ;;
    'sketch --first-row') return ;;
    'sketch --stream') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'sketch --head') return ;;
    'sketch --checkpoint') COMPREPLY=($(compgen -d -- "$word")); return ;;
    'sketch --checkpoint-every') return ;;
    'sketch --engine') COMPREPLY=($(compgen -W 'auto streaming tbb openmp mpi' -- "$word")); return ;;
    'sketch --threads') return ;;
    'merge --out') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'finalize --queries') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'finalize --mode') COMPREPLY=($(compgen -W 'no-false-negatives no-false-positives' -- "$word")); return ;;
    'finalize --confidence') return ;;
    'finalize --engine') COMPREPLY=($(compgen -W 'auto streaming tbb openmp mpi' -- "$word")); return ;;
    'finalize --threads') return ;;
    'finalize --out') COMPREPLY=($(compgen -d -- "$word")); return ;;
    'finalize --report') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'finalize --tokens') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'finalize --top') return ;;
    'eigen --queries') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'eigen --keys') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'eigen --scores') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'eigen --window') return ;;
    'eigen --of') COMPREPLY=($(compgen -W 'rows matrices' -- "$word")); return ;;
    'eigen --normalisation') COMPREPLY=($(compgen -W 'none softmax' -- "$word")); return ;;
    'eigen --scale') return ;;
    'eigen --components') return ;;
    'eigen --sketch-columns') return ;;
    'eigen --seed') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'eigen --from') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'eigen --save') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'eigen --out') COMPREPLY=($(compgen -d -- "$word")); return ;;
    'eigen --engine') COMPREPLY=($(compgen -W 'auto streaming tbb openmp mpi' -- "$word")); return ;;
    'eigen --threads') return ;;
    'overlap --components') return ;;
    'reconstruct --computed') return ;;
    'reconstruct --choice') COMPREPLY=($(compgen -W 'pivoted random strided' -- "$word")); return ;;
    'reconstruct --estimator') COMPREPLY=($(compgen -W 'lmmse least-squares' -- "$word")); return ;;
    'reconstruct --components') return ;;
    'reconstruct --ridge') return ;;
    'reconstruct --seed') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'reconstruct --queries') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'reconstruct --keys') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'reconstruct --scores') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'reconstruct --window') return ;;
    'reconstruct --scale') return ;;
    'reconstruct --out') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'plant --pattern') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'plant --random') return ;;
    'plant --nonzeros') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'plant --ratio') return ;;
    'plant --seed') COMPREPLY=($(compgen -f -- "$word")); return ;;
    'plant --epsilon1') return ;;
    'plant --epsilon2') return ;;
    'plant --failure') return ;;
    'plant --dim') return ;;
    'plant --logit') return ;;
    'plant --construction') COMPREPLY=($(compgen -W 'interpolating svd' -- "$word")); return ;;
    'plant --trials') return ;;
    'plant --dtype') COMPREPLY=($(compgen -W 'float64 float32' -- "$word")); return ;;
    'plant --out') COMPREPLY=($(compgen -d -- "$word")); return ;;
    'plant --engine') COMPREPLY=($(compgen -W 'auto streaming tbb openmp mpi' -- "$word")); return ;;
    'plant --threads') return ;;
  esac
  if [[ $word != -* ]]; then
    COMPREPLY=($(compgen -f -- "$word"))
    return
  fi
  case "$verb" in
    find) COMPREPLY=($(compgen -W '--help --keys --epsilon --queries --score --causal --mode --confidence --verify --sample-rows --seed --engine --threads --out --report --tokens --top --json --quiet' -- "$word")) ;;
    scan) COMPREPLY=($(compgen -W '--help --keys --queries --epsilon --score --causal --mode --tolerance --audit --engine --threads --out --report --tokens --top --json --quiet' -- "$word")) ;;
    sketch) COMPREPLY=($(compgen -W '--help --keys --epsilon --out --score --sample-rows --seed --resume --rows --first-row --stream --head --checkpoint --checkpoint-every --quiet --engine --threads' -- "$word")) ;;
    merge) COMPREPLY=($(compgen -W '--help --out' -- "$word")) ;;
    finalize) COMPREPLY=($(compgen -W '--help --queries --mode --confidence --engine --threads --out --report --tokens --top --json --quiet' -- "$word")) ;;
    show) COMPREPLY=($(compgen -W '--help --json' -- "$word")) ;;
    eigen) COMPREPLY=($(compgen -W '--help --queries --keys --scores --window --of --normalisation --causal --scale --each-head --components --sketch-columns --seed --from --save --out --json --quiet --engine --threads' -- "$word")) ;;
    overlap) COMPREPLY=($(compgen -W '--help --components --json' -- "$word")) ;;
    reconstruct) COMPREPLY=($(compgen -W '--help --computed --choice --estimator --components --ridge --seed --queries --keys --scores --window --scale --out --json' -- "$word")) ;;
    plant) COMPREPLY=($(compgen -W '--help --pattern --random --nonzeros --ratio --seed --epsilon1 --epsilon2 --failure --dim --logit --construction --smallest-dim --trials --dtype --out --json --quiet --engine --threads' -- "$word")) ;;
    engines) COMPREPLY=($(compgen -W '--help --json' -- "$word")) ;;
  esac
}
complete -o filenames -F _heavykeys heavykeys

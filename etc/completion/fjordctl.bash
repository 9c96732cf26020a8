# SPDX-License-Identifier: EUPL-1.2
# What bash completes of fjordctl; made by genman.
_fjordctl()
{
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}
	local command= words i
	COMPREPLY=()
	case $before in
	-c|--config|--socket|--psk-file|--ca-file|--cert-file|--key-file)
		COMPREPLY=($(compgen -f -- "$word"))
		return ;;
	esac
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-c|--config|--socket) ((i++)) ;;
		-*) ;;
		*) command=${COMP_WORDS[i]}; break ;;
		esac
	done
	case $command in
	check) words=" --plan --effective --no-files --json " ;;
	status) words=" --all --json " ;;
	doctor) words=" --json " ;;
	debug) words=" config schedule modbus coap spool mqtt core all none --for --json " ;;
	watch) words=" --json " ;;
	read) words=" --json " ;;
	history) words=" --since --until --hourly --csv --json " ;;
	qc) words=" --since --until --set --json " ;;
	profile) words=" list show --json " ;;
	probe) words=" modbus --unit --table --address --reference --count --property --timeout --json coap --observe --for --accept --psk-identity --psk-file --ca-file --cert-file --key-file --timeout --json " ;;
	scan) words=" modbus --units --baud --parity --timeout --json coap --for --json " ;;
	backfill) words=" --since --until --json " ;;
	calibration) words=" add --raw --reference --polynomial --date --next --by --note remove --json " ;;
	maintenance) words=" on off --for --until --from --reason --all --json " ;;
	notice) words=" add fault repair planned --device --station --point --from --for --until --nb --nn --en list clear --all --json " ;;
	backup) words=" --json " ;;
	compute) words=" " ;;
	restore) words=" --json " ;;
	*) words="-c --config --socket --help --version check status doctor debug watch read history qc profile probe scan backfill calibration maintenance notice backup compute restore" ;;
	esac
	COMPREPLY=($(compgen -W "$words" -- "$word"))
	case $command in
	check|backup|restore) COMPREPLY+=($(compgen -f -- "$word")) ;;
	esac
}
complete -o filenames -F _fjordctl fjordctl
